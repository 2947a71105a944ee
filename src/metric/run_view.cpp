#include "aiperf/metric/run_view.hpp"

#include <algorithm>

namespace aiperf::metric {

std::optional<double> RunView::sum(std::string_view tag) const noexcept {
    const auto found = std::find_if(sums_.begin(), sums_.end(), [&](const MetricSum& s) { return s.tag == tag; });
    return found != sums_.end() ? std::optional(found->sum) : std::nullopt;
}

// AIPerf subtracts the two wall times as float64, whose step is 256 ns at today's dates; so do we, to give its digits.
std::optional<double> RunView::duration_ns() const noexcept {
    const auto& first = totals_->min_start_wall_ns;
    const auto& last = totals_->max_response_wall_ns;
    if (!first || !last || *first >= *last) {
        return std::nullopt;
    }
    return static_cast<double>(*last) - static_cast<double>(*first);
}

std::optional<double> RunView::rate_seconds() const noexcept {
    const auto duration = duration_ns();
    if (!duration || *duration <= 0.0) {
        return std::nullopt;
    }
    const auto& window = totals_->window_ns;
    return 1e-9 * (window && *window > 0 ? static_cast<double>(*window) : *duration);
}

}  // namespace aiperf::metric
