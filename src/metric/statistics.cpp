#include "aiperf/metric/statistics.hpp"

#include "exact_sum.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

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

/// The order statistics that percentiles and their bounds are read from.
class Ranked {
public:
    Ranked(Column& column, const Bounds& bounds)
        : count_(column.size()) {
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
        values_ = column.at_ranks(ranks_);
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

}  // namespace

Bounds bounds_of(std::size_t count) {
    Bounds bounds;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
        bounds[i] = percentile_bounds(k_percentiles[i] / 100.0, count);
    }
    return bounds;
}

Statistics describe(Column& column, double sum, double factor, const Bounds& bounds) {
    const auto n = static_cast<double>(column.size());
    const double mean = sum / n;
    double min = std::numeric_limits<double>::infinity();
    double max = -min;
    ExactSum squares;
    const auto add = [&](double value, double times) {
        squares.add((value - mean) * (value - mean) * times);
        min = std::min(min, value);
        max = std::max(max, value);
    };
    for (const Column::Frequent& value : column.frequent()) {
        if (value.times != 0) {
            add(value.value, static_cast<double>(value.times));
        }
    }
    for (const double value : column.others()) {
        add(value, 1.0);
    }
    Statistics out;
    out.scalar = false;
    out.count = column.size();
    out.sum = sum * factor;
    out.avg = mean * factor;
    out.std = std::sqrt(squares.value() / n) * factor;
    out.min = min * factor;
    out.max = max * factor;
    const Ranked ranked(column, bounds);
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
