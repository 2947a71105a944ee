#pragma once

#include <chrono>
#include <cstdint>

namespace aiperf::base {

/// Durations inside C++. Numbers that leave C++ carry their unit in their name.
using Nanoseconds = std::chrono::nanoseconds;

/// A moment on CLOCK_MONOTONIC.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Nanoseconds>;

/// Now, on CLOCK_MONOTONIC. 20 to 60 ns.
[[nodiscard]] inline Instant now() noexcept {
    return std::chrono::time_point_cast<Nanoseconds>(std::chrono::steady_clock::now());
}

/// The same in the form records hold: integer nanoseconds of CLOCK_MONOTONIC.
[[nodiscard]] inline std::int64_t now_ns() noexcept {
    return now().time_since_epoch().count();
}

/// Nanoseconds from one stamp to another. Wraps for stamps more than 292 years apart, as only damaged ones are.
[[nodiscard]] constexpr std::int64_t elapsed_ns(std::int64_t from, std::int64_t to) noexcept {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from));
}

/// The stamp `elapsed` nanoseconds after another; wraps likewise.
[[nodiscard]] constexpr std::int64_t later_ns(std::int64_t from, std::int64_t elapsed) noexcept {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + static_cast<std::uint64_t>(elapsed));
}

/// One pair (monotonic, wall) taken once per run: the only way from monotonic stamps to wall time.
struct WallAnchor {
    std::int64_t monotonic_ns = 0;  ///< CLOCK_MONOTONIC at one instant
    std::int64_t wall_ns = 0;       ///< nanoseconds since the Unix epoch, UTC

    /// Takes the pair now (the tightest of a few tries).
    [[nodiscard]] static WallAnchor take() noexcept;

    /// Wall time, nanoseconds since the Unix epoch, of a monotonic stamp.
    [[nodiscard]] std::int64_t to_wall_ns(std::int64_t monotonic) const noexcept {
        return later_ns(wall_ns, elapsed_ns(monotonic_ns, monotonic));
    }
};

}  // namespace aiperf::base
