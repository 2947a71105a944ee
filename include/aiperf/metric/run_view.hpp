#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace aiperf::metric {

/// What is counted over the requests of a run's profiling phases while its metrics are computed.
struct RunTotals {
    std::uint64_t valid = 0;                           ///< good answers
    std::uint64_t failed = 0;                          ///< errors, cancelled ones included
    std::uint64_t context_overflow = 0;                ///< part of failed: refused for their length
    std::optional<std::int64_t> min_start_wall_ns;     ///< earliest start of a good answer
    std::optional<std::int64_t> max_response_wall_ns;  ///< latest last content of a good answer
    std::optional<std::int64_t> window_ns;  ///< span of the profiling phases; absent where the run was cut short
};

/// The sum of a per-request metric, in its own unit.
struct MetricSum {
    std::string_view tag;  ///< of the metric
    double sum = 0.0;      ///< of all requests
};

/// A run as the formulas of its aggregate and derived metrics see it.
///
/// *Lifetime*: refers to the totals and sums. *Thread safety*: const calls from any thread.
class RunView {
public:
    /// A view of counts and sums.
    RunView(const RunTotals& totals, std::span<const MetricSum> sums) noexcept
        : totals_(&totals),
          sums_(sums) {}

    /// What was counted.
    [[nodiscard]] const RunTotals& totals() const noexcept { return *totals_; }

    /// Sum over all requests of a per-request metric; absent where none has a value.
    [[nodiscard]] std::optional<double> sum(std::string_view tag) const noexcept;

    /// Latest last content minus earliest start; absent unless positive.
    [[nodiscard]] std::optional<double> duration_ns() const noexcept;

    /// Denominator of every rate: the phases' span, or else the duration.
    [[nodiscard]] std::optional<double> rate_seconds() const noexcept;

private:
    const RunTotals* totals_;
    std::span<const MetricSum> sums_;
};

}  // namespace aiperf::metric
