#include "aiperf/metric/column.hpp"

#include "exact_sum.hpp"
#include "order_statistics.hpp"

#include <algorithm>

namespace aiperf::metric {
namespace {

/// Where the copies of a frequent value stand among all values.
struct Stretch {
    double value = 0.0;
    std::size_t times = 0;
    std::size_t others_below = 0;  // stored values that are smaller
};

}  // namespace

double Column::sum() const noexcept {
    ExactSum sum;
    for (const Frequent& value : frequent()) {
        sum.add(value.value * static_cast<double>(value.times));
    }
    for (const double value : others_) {
        sum.add(value);
    }
    return sum.value();
}

std::vector<double> Column::at_ranks(std::span<const std::size_t> ranks) {
    std::array<Stretch, 2> stretches;
    for (std::size_t i = 0; i < stretches.size(); ++i) {
        const Frequent value = frequent()[i];
        const auto is_below = [&value](double other) { return other < value.value; };
        const std::ptrdiff_t below = value.times == 0 ? 0 : std::count_if(others_.begin(), others_.end(), is_below);
        stretches[i] = {value.value, value.times, static_cast<std::size_t>(below)};
    }
    std::sort(stretches.begin(), stretches.end(), [](const auto& a, const auto& b) { return a.value < b.value; });
    std::vector<double> out(ranks.size());
    std::vector<std::size_t> open;         // places in `out` of stored values
    std::vector<std::size_t> other_ranks;  // of these, among the stored values
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        std::size_t rank = ranks[i];
        const Stretch* found = nullptr;
        for (const Stretch& stretch : stretches) {
            if (found == nullptr && rank >= stretch.others_below) {
                const bool within = rank - stretch.others_below < stretch.times;
                found = within ? &stretch : nullptr;
                rank -= within ? 0 : stretch.times;
            }
        }
        if (found != nullptr) {
            out[i] = found->value;
        } else {
            open.push_back(i);
            other_ranks.push_back(rank);
        }
    }
    const std::vector<double> stored = order_statistics(others_, other_ranks);
    for (std::size_t i = 0; i < open.size(); ++i) {
        out[open[i]] = stored[i];
    }
    return out;
}

}  // namespace aiperf::metric
