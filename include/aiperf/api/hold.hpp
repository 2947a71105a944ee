#pragma once

#include "aiperf/base/clock.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace aiperf::api {

/// What ended, or prevented, the hold.
enum class HoldEnd : std::uint8_t {
    no_server,    ///< the listener never started, or had finished: nothing was held
    no_grace,     ///< the grace is 0, or was over already
    time,         ///< the grace has passed
    asked,        ///< a signal, or POST /api/shutdown
    server_died,  ///< nobody is there any more to answer
};

/// The word artifacts and answers use.
[[nodiscard]] const char* to_string(HoldEnd end) noexcept;

/// What a wait came back with.
enum class Wake : std::uint8_t { deadline, asked, server_died };

/// The hold's view of the world: in a run the controller's, in a test a virtual clock.
struct HoldSurroundings {
    std::function<base::Instant()> now;           ///< the monotonic clock
    std::function<bool()> is_listening;           ///< the server is there and its listener open
    std::function<Wake(base::Instant)> wait;      ///< until the deadline or the first event; may come back early
    std::function<void(base::Instant)> announce;  ///< the end is fixed; empty: nobody is told
};

/// The moment a hold ends: counted once, from the publication, on the monotonic clock.
[[nodiscard]] constexpr base::Instant hold_until(base::Instant published, base::Nanoseconds grace) noexcept {
    return published + grace;
}

/// Keeps a published result reachable: returns when the listener may be told to stop. `latest` bounds it where the
/// whole ending has a budget.
HoldEnd hold(base::Instant published,
             base::Nanoseconds grace,
             const HoldSurroundings& surroundings,
             base::Instant latest = base::Instant::max());

}  // namespace aiperf::api
