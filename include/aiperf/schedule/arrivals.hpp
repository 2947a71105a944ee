#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/base/rng.hpp"

#include <cstdint>

namespace aiperf::schedule {

/// How the gaps between requests are drawn.
enum class Process : std::uint8_t { constant, poisson, gamma };

/// An arrival process: request i is due at the sum of the first i + 1 gaps after the phase's start (so the first comes
/// one gap after it, as in AIPerf). Gaps are constant 1/rate; exponential with mean 1/rate; or gamma with shape
/// `smoothness` and scale 1/(rate * smoothness), whose CV is 1/sqrt(smoothness).
struct Arrivals {
    Process process = Process::poisson;  ///< how gaps are drawn
    double rate = 1.0;                   ///< requests per second, > 0, finite
    double smoothness = 1.0;             ///< gamma's shape, > 0
    std::uint64_t seed = 0;              ///< equal seeds give equal instants

    friend bool operator==(const Arrivals&, const Arrivals&) = default;
};

/// Gap before request `index`, in seconds: a pure function of (arrivals, index).
[[nodiscard]] double gap_seconds(const Arrivals& arrivals, std::uint64_t index) noexcept;

/// Due times by rising index. Every cursor over equal arrivals gives equal times, whatever indices it skips: that is
/// what makes the schedule the same for any number of workers. *Thread safety*: none; one per worker.
class ArrivalCursor {
public:
    /// Starts at index 0.
    explicit ArrivalCursor(const Arrivals& arrivals) noexcept
        : arrivals_(arrivals) {}

    /// Due time of `index` after the phase's start. `index` must not be lower than in the call before.
    [[nodiscard]] base::Nanoseconds at(std::uint64_t index) noexcept;

private:
    Arrivals arrivals_;
    std::uint64_t next_ = 0;  // first index whose gap is not in sum_ yet
    double sum_ns_ = 0.0;
};

}  // namespace aiperf::schedule
