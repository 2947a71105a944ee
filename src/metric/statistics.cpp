#include "aiperf/metric/statistics.hpp"

#include "aiperf/metric/percentile_bounds.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>

namespace aiperf::metric {
namespace {

/// Of k_percentiles, in their order.
constexpr std::array k_fields{&Statistics::p1,
                              &Statistics::p5,
                              &Statistics::p10,
                              &Statistics::p25,
                              &Statistics::p50,
                              &Statistics::p75,
                              &Statistics::p90,
                              &Statistics::p95,
                              &Statistics::p99};
static_assert(k_fields.size() == k_percentiles.size());

/// Places the order statistics `ranks` (ascending) of values; `offset` is the rank of values[0]. Halving the ranks
/// keeps the work at n log(ranks), far below a sort.
void select(std::span<double> values, std::size_t offset, std::span<const std::size_t> ranks) {
    if (ranks.empty() || values.size() < 2) {
        return;
    }
    const std::size_t middle = ranks.size() / 2;
    const std::size_t at = ranks[middle] - offset;
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
    select(values.first(at), offset, ranks.first(middle));
    select(values.subspan(at + 1), offset + at + 1, ranks.subspan(middle + 1));
}

double position(double q, std::size_t count) noexcept {
    return q / 100.0 * static_cast<double>(count - 1);
}

double interpolate(const std::vector<double>& values, double q) noexcept {
    const double at = position(q, values.size());
    const auto low = static_cast<std::size_t>(at);
    const double a = values[low];
    const double b = values[std::min(low + 1, values.size() - 1)];
    const double t = at - static_cast<double>(low);
    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1.0 - t);
}

using Bounds = std::array<PercentileBounds, k_percentiles.size()>;

/// Puts every order statistic in its place that a percentile or one of its bounds is read from.
void select_percentiles(std::vector<double>& values, const Bounds& bounds) {
    std::vector<std::size_t> ranks;
    for (const double q : k_percentiles) {
        const auto low = static_cast<std::size_t>(position(q, values.size()));
        ranks.push_back(low);
        ranks.push_back(std::min(low + 1, values.size() - 1));
    }
    for (const PercentileBounds& bound : bounds) {
        for (const auto& rank : {bound.low, bound.high}) {
            if (rank) {
                ranks.push_back(*rank);
            }
        }
    }
    std::sort(ranks.begin(), ranks.end());
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    select(values, 0, ranks);
}

class ExactSum {
public:
    void add(double value) noexcept {
        const double next = sum_ + value;
        lost_ += std::abs(sum_) >= std::abs(value) ? (sum_ - next) + value : (value - next) + sum_;
        sum_ = next;
    }

    [[nodiscard]] double value() const noexcept { return sum_ + lost_; }

private:
    double sum_ = 0.0;
    double lost_ = 0.0;
};

}  // namespace

double exact_sum(const std::vector<double>& values) noexcept {
    ExactSum sum;
    for (const double value : values) {
        sum.add(value);
    }
    return sum.value();
}

Statistics describe(std::vector<double>& values, double factor) {
    const auto n = static_cast<double>(values.size());
    const double sum = exact_sum(values);
    const double mean = sum / n;
    ExactSum squares;
    for (const double value : values) {
        squares.add((value - mean) * (value - mean));
    }
    const auto [min, max] = std::minmax_element(values.begin(), values.end());
    Statistics out;
    out.scalar = false;
    out.count = values.size();
    out.sum = sum * factor;
    out.avg = mean * factor;
    out.std = std::sqrt(squares.value() / n) * factor;
    out.min = *min * factor;
    out.max = *max * factor;
    Bounds bounds;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        bounds[i] = percentile_bounds(k_percentiles[i] / 100.0, values.size());
    }
    select_percentiles(values, bounds);
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        out.*k_fields[i] = interpolate(values, k_percentiles[i]) * factor;
        if (bounds[i].low) {
            out.intervals[i].low = values[*bounds[i].low] * factor;
        }
        if (bounds[i].high) {
            out.intervals[i].high = values[*bounds[i].high] * factor;
        }
    }
    return out;
}

}  // namespace aiperf::metric
