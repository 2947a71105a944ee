#include "aiperf/metric/column.hpp"

#include "aiperf/base/rng.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

using aiperf::base::Rng;
using aiperf::metric::Column;

namespace {

Column column_of(const std::vector<double>& values) {
    Column column;
    std::for_each(values.begin(), values.end(), [&](double value) { column.add(value); });
    return column;
}

}  // namespace

TEST_CASE("A column stores neither zeros nor values like the first that is none") {
    Column column = column_of({0.0, 5.0, 0.0, 5.0, 7.0, -0.0, 5.0, 7.0});
    CHECK(column.size() == 8);
    CHECK(column.others().size() == 2);
    CHECK(column.frequent()[0].times == 3);
    CHECK(column.frequent()[1].value == 5.0);
    CHECK(column.frequent()[1].times == 3);
    column.clear();
    CHECK(column.empty());
    column.add(7.0);
    CHECK(column.others().empty());
    CHECK(column.sum() == 7.0);
}

TEST_CASE("The ranks of a column are those of its sorted values, whichever of them are frequent") {
    const std::function<double(Rng&)> draw = GENERATE(
        as<std::function<double(Rng&)>>{},
        [](Rng& rng) { return static_cast<double>(rng.below(2)); },
        [](Rng& rng) { return static_cast<double>(rng.below(5)); },
        [](Rng& rng) { return static_cast<double>(rng.below(5)) - 2.0; },
        [](Rng& rng) { return rng.below(3) == 0 ? rng.uniform() - 0.5 : 0.0; },
        [](Rng& rng) { return rng.uniform(); },
        [](Rng&) { return 0.0; },
        [](Rng&) { return -3.0; });
    const std::size_t size = GENERATE(1U, 2U, 3U, 40U, 20'000U);
    Rng rng(size);
    std::vector<double> values(size);
    std::generate(values.begin(), values.end(), [&] { return draw(rng); });
    Column column = column_of(values);
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t step = 1 + size / 100;
    std::vector<std::size_t> ranks;
    for (std::size_t rank = 0; rank < size; rank += step) {
        ranks.push_back(rank);
    }
    const std::vector<double> found = column.at_ranks(ranks);
    REQUIRE(found.size() == ranks.size());
    for (std::size_t i = 0; i < ranks.size(); ++i) {
        INFO("rank " << ranks[i] << " of " << size);
        REQUIRE(found[i] == sorted[ranks[i]]);
    }
    CHECK(column.sum() == Approx(std::accumulate(values.begin(), values.end(), 0.0)).margin(1e-9));
}

TEST_CASE("a sum loses nothing to the order or the size of its values") {
    CHECK(column_of({1.0, 1e100, 1.0, -1e100}).sum() == 2.0);
    CHECK(column_of({1e100, 1.0, 0.0, 1.0, -1e100}).sum() == 2.0);
    CHECK(column_of(std::vector<double>(10, 0.1)).sum() == 1.0);
    CHECK(column_of({}).sum() == 0.0);
}
