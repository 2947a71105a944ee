#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::validity {

/// What a report says about itself: whether the client distorted its numbers.
enum class Verdict : std::uint8_t {
    valid,    ///< nothing was seen that would
    suspect,  ///< something was seen that may
    invalid,  ///< something was seen that has
};

/// The word artifacts use.
[[nodiscard]] std::string_view to_string(Verdict verdict) noexcept;

/// The verdict of a word; absent for another one.
[[nodiscard]] std::optional<Verdict> verdict_from(std::string_view word) noexcept;

/// What is looked at. docs/validity.md says how each is measured.
enum class Check : std::uint8_t {
    loop_busy,        ///< share of its time that the busiest worker spent on a processor
    cpu_wait,         ///< share of its time that a worker was ready and had no processor
    loop_stall,       ///< longest turn, or latest wake-up, of a worker's loop
    send_lateness,    ///< p99 of the instant sent less the instant planned, where a slot was free
    rate_deviation,   ///< by what share sending took longer than planned
    capped_sends,     ///< share of the requests that were due while all slots were taken
    unsent,           ///< share of the planned requests that were never sent
    read_lag,         ///< p99 of the time content lay in the kernel before it was read
    late_reads,       ///< share of the good answers with content that lay there for over 5 ms
    coalesced,        ///< share of the content that was read together with the content before it
    own_failures,     ///< connections that this machine refused, per request
    cpu_steal,        ///< share of the machine's time that its host took
    cpu_throttled,    ///< share of the time that this group of processes was held back (cgroup)
    governor,         ///< 1 where a processor's frequency is kept low to save power
    clock_step,       ///< how far the wall clock was set
    memory_pressure,  ///< share of the time that something waited for memory
};

/// How many checks there are.
inline constexpr std::size_t k_checks = 16;

/// A value above `suspect` makes a run suspect, one above `invalid` makes it invalid; infinity: never.
struct Threshold {
    double suspect = 0.0;  ///< in the check's unit
    double invalid = 0.0;  ///< in the check's unit, not below `suspect`
};

/// Of all checks, in the order of Check.
using Thresholds = std::array<Threshold, k_checks>;

/// What is known of a check.
struct CheckInfo {
    Check check;                 ///< which
    std::string_view name;       ///< in the JSON and in AIPERF_VALIDITY_THRESHOLDS
    std::string_view unit;       ///< of value and thresholds: "ratio", "ms"
    Threshold fallback;          ///< unless it is set
    std::string_view statement;  ///< what a value above a threshold means, for people
};

/// The checks, in the order of Check. Static storage.
[[nodiscard]] std::span<const CheckInfo> checks() noexcept;

/// The thresholds of the table.
[[nodiscard]] Thresholds default_thresholds() noexcept;

/// The table's thresholds with those of `text` in their places: "read_lag_p99=2:50,loop_busy_share=0.8:". Throws
/// base::ConfigError naming AIPERF_VALIDITY_THRESHOLDS, the part, and what is allowed.
[[nodiscard]] Thresholds thresholds_from(std::string_view text);

/// What was measured: in the order of Check; absent = not measured, and then not judged.
struct Evidence {
    std::array<std::optional<double>, k_checks> values{};  ///< in the checks' units

    /// The value of a check.
    [[nodiscard]] std::optional<double>& operator[](Check check) noexcept {
        return values[static_cast<std::size_t>(check)];
    }

    /// The value of a check.
    [[nodiscard]] const std::optional<double>& operator[](Check check) const noexcept {
        return values[static_cast<std::size_t>(check)];
    }
};

/// A check whose value is above a threshold.
struct Reason {
    Check check = Check::loop_busy;    ///< which
    Verdict level = Verdict::suspect;  ///< what it makes of the run
    double value = 0.0;                ///< what was measured
    double threshold = 0.0;            ///< what it is above
    std::string sentence;              ///< for people, with the figures
};

/// The verdict on a run, and all it stands on.
struct Judgement {
    Verdict verdict = Verdict::valid;              ///< the gravest of the reasons
    std::vector<Reason> reasons;                   ///< the gravest first, then in the order of Check
    Evidence evidence;                             ///< every value, those without a reason too
    Thresholds thresholds = default_thresholds();  ///< what they were held against
};

/// The verdict: a pure function of what was measured.
[[nodiscard]] Judgement judge(const Evidence& evidence, const Thresholds& thresholds);

}  // namespace aiperf::validity
