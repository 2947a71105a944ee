#include "order_statistics.hpp"

#include "aiperf/base/rng.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

using aiperf::base::Rng;
using aiperf::metric::order_statistics;

namespace {

/// Checks a few dozen ranks, both ends among them, against a sort.
void check_against_sort(std::vector<double> values) {
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::size_t> ranks;
    for (std::size_t i = 0; i <= 40; ++i) {
        ranks.push_back(i * (values.size() - 1) / 40);
    }
    ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
    const std::vector<double> found = order_statistics(values, ranks);
    REQUIRE(found.size() == ranks.size());
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        INFO("rank " << ranks[i]);
        REQUIRE(found[i] == sorted[ranks[i]]);
    }
}

}  // namespace

TEST_CASE("order statistics are those of the sorted values, however these are spread") {
    const std::size_t size = GENERATE(1U, 2U, 41U, 8191U, 8192U, 50'000U);
    const std::function<double(Rng&)> draw = GENERATE(
        as<std::function<double(Rng&)>>{},
        [](Rng& rng) { return rng.uniform(); },
        [](Rng& rng) { return rng.normal() * 1e9 - 5e9; },
        [](Rng& rng) { return -std::log(rng.uniform()); },
        [](Rng& rng) { return std::exp(30.0 * rng.normal()); },
        [](Rng& rng) { return static_cast<double>(rng.below(3)); },
        [](Rng& rng) { return static_cast<double>(rng.below(10'000)); },
        [](Rng& rng) { return rng.below(2000) == 0 ? 1e12 : rng.uniform(); },
        [](Rng&) { return 7.0; });
    Rng rng(size);
    std::vector<double> values(size);
    std::generate(values.begin(), values.end(), [&] { return draw(rng); });
    check_against_sort(values);
}

TEST_CASE("order statistics of ascending and descending values, and of the largest there are") {
    std::vector<double> values(20'000);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<double>(i);
    }
    check_against_sort(values);
    std::reverse(values.begin(), values.end());
    check_against_sort(values);
    for (std::size_t i = 0; i < values.size(); i += 2) {
        values[i] = -std::numeric_limits<double>::max();
        values[i + 1] = std::numeric_limits<double>::max() / static_cast<double>(i + 1);
    }
    check_against_sort(values);
}
