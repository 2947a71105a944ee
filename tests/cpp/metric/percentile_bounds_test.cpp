#include "aiperf/metric/percentile_bounds.hpp"

#include "aiperf/base/rng.hpp"
#include "describe_all.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace aiperf::metric;
using aiperf::test::describe_all;

namespace {

/// P(Bin(count, q) <= rank), summed plainly.
double distribution(std::size_t count, double q, std::size_t rank) {
    double sum = 0.0;
    const auto n = static_cast<double>(count);
    for (std::size_t i = 0; i <= std::min(rank, count); ++i) {
        const auto k = static_cast<double>(i);
        sum += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) + k * std::log(q) +
                        (n - k) * std::log1p(-q));
    }
    return sum;
}

}  // namespace

TEST_CASE("44, 90, 459 and 4603 values bound p90, p95, p99 and p99.9 from above, one less does not") {
    const auto [q, enough] = GENERATE(table<double, std::size_t>({{0.9, 44}, {0.95, 90}, {0.99, 459}, {0.999, 4603}}));
    CHECK(enough_for(q) == enough);
    CHECK(percentile_bounds(q, enough).high == enough - 1);
    CHECK_FALSE(percentile_bounds(q, enough - 1).high);
}

TEST_CASE("bounds are the tightest ranks that hold the confidence, by the binomial distribution itself") {
    const double q = GENERATE(0.01, 0.05, 0.25, 0.5, 0.9, 0.99);
    const std::size_t count = GENERATE(1U, 7U, 44U, 100U, 459U, 1000U, 5000U);
    INFO(q << " of " << count);
    const PercentileBounds bounds = percentile_bounds(q, count);
    if (bounds.high) {
        CHECK(distribution(count, q, *bounds.high) >= k_confidence);
        CHECK((*bounds.high == 0 || distribution(count, q, *bounds.high - 1) < k_confidence));
    } else {
        CHECK(distribution(count, q, count - 1) < k_confidence);
    }
    if (bounds.low) {
        CHECK(1.0 - distribution(count, q, *bounds.low) >= k_confidence - 1e-9);
        CHECK(1.0 - distribution(count, q, *bounds.low + 1) < k_confidence + 1e-9);
    } else {
        CHECK(1.0 - distribution(count, q, 0) < k_confidence + 1e-9);
    }
}

TEST_CASE("a million values have bounds too, near their percentile") {
    const PercentileBounds bounds = percentile_bounds(0.99, 1'000'000);
    REQUIRE(bounds.low);
    REQUIRE(bounds.high);
    // Two and a third standard deviations of the binomial: 2.326 * sqrt(1e6 * 0.99 * 0.01) = 231.
    CHECK(static_cast<double>(*bounds.low) == Approx(990'000 - 232).margin(3));
    CHECK(static_cast<double>(*bounds.high) == Approx(990'000 + 231).margin(3));
}

TEST_CASE("the true percentile lies below the upper bound in at least 99 of 100 samples") {
    aiperf::base::Rng rng(7);
    constexpr int k_samples = 4000;
    int held = 0;
    for (int sample = 0; sample < k_samples; ++sample) {
        std::vector<double> values(60);
        std::generate(values.begin(), values.end(), [&] { return static_cast<double>(rng.below(1'000'000)) * 1e-6; });
        const Statistics statistics = describe_all(values, 1.0);
        held += statistics.intervals[6].high >= 0.9 ? 1 : 0;  // p90 of evenly spread values
    }
    CHECK(static_cast<double>(held) / k_samples >= 0.985);
}

TEST_CASE(
    "intervals are values of the sample in the display unit, around their percentile; too few leave a side open") {
    std::vector<double> values(100);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<double>(i);
    }
    const Statistics s = describe_all(values, 0.5);
    const Interval& median = s.intervals[4];
    REQUIRE(median.is_whole());
    CHECK(median.low < s.p50);
    CHECK(median.high > s.p50);
    CHECK(median.low == Approx(std::floor(2 * median.low) * 0.5));
    CHECK(s.intervals[8].low < s.p99);
    CHECK(std::isnan(s.intervals[8].high));
    CHECK_FALSE(s.intervals[8].is_whole());
    CHECK(std::isnan(s.intervals[0].low));
}
