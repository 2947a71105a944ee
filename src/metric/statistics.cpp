#include "aiperf/metric/statistics.hpp"

#include "aiperf/metric/percentile_bounds.hpp"
#include "order_statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

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

double position(double q, std::size_t count) noexcept {
    return q / 100.0 * static_cast<double>(count - 1);
}

using Bounds = std::array<PercentileBounds, k_percentiles.size()>;

/// The order statistics that percentiles and their bounds are read from.
class Ranked {
public:
    Ranked(std::vector<double>& values, const Bounds& bounds)
        : count_(values.size()) {
        for (const double q : k_percentiles) {
            const auto low = static_cast<std::size_t>(position(q, count_));
            ranks_.push_back(low);
            ranks_.push_back(std::min(low + 1, count_ - 1));
        }
        for (const PercentileBounds& bound : bounds) {
            for (const auto& rank : {bound.low, bound.high}) {
                if (rank) {
                    ranks_.push_back(*rank);
                }
            }
        }
        std::sort(ranks_.begin(), ranks_.end());
        ranks_.erase(std::unique(ranks_.begin(), ranks_.end()), ranks_.end());
        values_ = order_statistics(values, ranks_);
    }

    /// The value of one of those ranks.
    [[nodiscard]] double at(std::size_t rank) const {
        const auto found = std::lower_bound(ranks_.begin(), ranks_.end(), rank);
        return values_[static_cast<std::size_t>(found - ranks_.begin())];
    }

    [[nodiscard]] double percentile(double q) const {
        const double where = position(q, count_);
        const auto low = static_cast<std::size_t>(where);
        const double a = at(low);
        const double b = at(std::min(low + 1, count_ - 1));
        const double t = where - static_cast<double>(low);
        return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1.0 - t);
    }

private:
    std::size_t count_;
    std::vector<std::size_t> ranks_;
    std::vector<double> values_;
};

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
    const Ranked ranked(values, bounds);
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        out.*k_fields[i] = ranked.percentile(k_percentiles[i]) * factor;
        if (bounds[i].low) {
            out.intervals[i].low = ranked.at(*bounds[i].low) * factor;
        }
        if (bounds[i].high) {
            out.intervals[i].high = ranked.at(*bounds[i].high) * factor;
        }
    }
    return out;
}

}  // namespace aiperf::metric
