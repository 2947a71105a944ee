#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/schedule/arrivals.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace aiperf::schedule {

/// One phase of load as a value. Sending stops at the first of `requests` and `duration`; at least one is given. Where
/// conversations have several turns, each turn is a request, and no session is begun once there were `sessions`; those
/// under way go on, so `requests` must say what they come to.
struct Phase {
    std::string name = "profiling";             ///< "warmup" or "profiling"
    bool profiling = true;                      ///< false: warm-up, its records do not feed the numbers
    std::optional<std::uint64_t> requests;      ///< at most; absent: bound by time
    std::optional<std::uint64_t> sessions;      ///< most sessions to begin; absent: no limit of their own
    std::optional<base::Nanoseconds> duration;  ///< nothing is due at or after it
    std::optional<base::Nanoseconds> grace;     ///< after `duration`, for what is in flight; absent = unlimited
    std::optional<Arrivals> arrivals;           ///< absent = closed loop: a request as soon as a slot is free
    std::optional<std::uint32_t>
        concurrency;  ///< most sessions at a time, over all workers; absent = unlimited (open loop only)

    friend bool operator==(const Phase&, const Phase&) = default;
};

/// Worker `worker`'s share of `total` slots: the shares of all workers add up to `total` and differ by at most one.
[[nodiscard]] constexpr std::uint32_t share_of(std::uint32_t total,
                                               std::uint32_t worker,
                                               std::uint32_t workers) noexcept {
    return total / workers + (worker < total % workers ? 1U : 0U);
}

/// Data-set entry of session `session`: the file's order, round and round.
[[nodiscard]] constexpr std::uint64_t sequential_entry(std::uint64_t session, std::uint64_t entries) noexcept {
    return session % entries;
}

}  // namespace aiperf::schedule
