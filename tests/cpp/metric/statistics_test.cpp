#include "aiperf/metric/statistics.hpp"

#include "aiperf/base/rng.hpp"
#include "describe_all.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace aiperf::metric;
using aiperf::test::describe_all;

TEST_CASE("the statistics of 1, 2, 3, 4 are numpy's") {
    const std::vector<double> values{4.0, 1.0, 3.0, 2.0};
    const Statistics s = describe_all(values, 1.0);
    CHECK_FALSE(s.scalar);
    CHECK(s.avg == 2.5);
    CHECK(s.std == Approx(std::sqrt(1.25)).epsilon(1e-15));
    CHECK(s.p1 == Approx(1.03).epsilon(1e-14));
    CHECK(s.p25 == 1.75);
    CHECK(s.p50 == 2.5);
    CHECK(s.p99 == Approx(3.97).epsilon(1e-14));
    CHECK(s.min == 1.0);
    CHECK(s.max == 4.0);
    CHECK(s.count == 4);
    CHECK(s.sum == 10.0);
}

TEST_CASE("one value is its own every percentile, without deviation") {
    const std::vector<double> values{7.0};
    const Statistics s = describe_all(values, 2.0);
    for (const double value : {s.avg, s.p1, s.p50, s.p99, s.min, s.max, s.sum}) {
        CHECK(value == 14.0);
    }
    CHECK(s.std == 0.0);
    CHECK(s.count == 1);
}

TEST_CASE("percentiles found by selection are those of the sorted values") {
    const std::uint64_t seed = GENERATE(1U, 2U, 3U, 4U);
    const std::size_t size = GENERATE(2U, 3U, 10U, 99U, 100U, 101U, 5000U);
    const std::uint64_t distinct = GENERATE(2U, 50U, 1000000U);
    aiperf::base::Rng rng(seed);
    std::vector<double> values(size);
    std::generate(values.begin(), values.end(), [&] { return static_cast<double>(rng.below(distinct)); });
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const auto expected = [&](double q) {
        const double at = q / 100.0 * static_cast<double>(size - 1);
        const auto low = static_cast<std::size_t>(at);
        const double high = sorted[std::min(low + 1, size - 1)];
        return sorted[low] + (high - sorted[low]) * (at - static_cast<double>(low));
    };
    const Statistics s = describe_all(values, 1.0);
    CHECK(s.p1 == Approx(expected(1)).margin(1e-9));
    CHECK(s.p5 == Approx(expected(5)).margin(1e-9));
    CHECK(s.p10 == Approx(expected(10)).margin(1e-9));
    CHECK(s.p25 == Approx(expected(25)).margin(1e-9));
    CHECK(s.p50 == Approx(expected(50)).margin(1e-9));
    CHECK(s.p75 == Approx(expected(75)).margin(1e-9));
    CHECK(s.p90 == Approx(expected(90)).margin(1e-9));
    CHECK(s.p95 == Approx(expected(95)).margin(1e-9));
    CHECK(s.p99 == Approx(expected(99)).margin(1e-9));
}
