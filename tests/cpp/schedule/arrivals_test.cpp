#include "aiperf/schedule/arrivals.hpp"

#include "aiperf/base/rng.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

using aiperf::base::Nanoseconds;
using aiperf::base::Rng;
using aiperf::schedule::ArrivalCursor;
using aiperf::schedule::Arrivals;
using aiperf::schedule::gap_seconds;
using aiperf::schedule::Process;

namespace {

std::vector<double> gaps(const Arrivals& arrivals, std::uint64_t count) {
    std::vector<double> result;
    for (std::uint64_t i = 0; i < count; ++i) {
        result.push_back(gap_seconds(arrivals, i));
    }
    return result;
}

std::vector<std::int64_t> times(const Arrivals& arrivals, std::uint64_t count) {
    ArrivalCursor cursor(arrivals);
    std::vector<std::int64_t> result;
    for (std::uint64_t i = 0; i < count; ++i) {
        result.push_back(cursor.at(i).count());
    }
    return result;
}

double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) {
        sum += value;
    }
    return sum / static_cast<double>(values.size());
}

double variance(const std::vector<double>& values) {
    const double middle = mean(values);
    double sum = 0;
    for (const double value : values) {
        sum += (value - middle) * (value - middle);
    }
    return sum / static_cast<double>(values.size());
}

/// Regularised lower incomplete gamma function P(a, x): the distribution of Gamma(a, 1). By its series below a + 1, by
/// Lentz's continued fraction above.
double gamma_distribution(double a, double x) {
    if (x <= 0) {
        return 0;
    }
    const double front = std::exp(a * std::log(x) - x - std::lgamma(a));
    if (x < a + 1) {
        double term = 1 / a;
        double sum = term;
        for (double n = a + 1; term > sum * 1e-16; ++n) {
            term *= x / n;
            sum += term;
        }
        return sum * front;
    }
    double b = x + 1 - a;
    double c = 1e300;
    double d = 1 / b;
    double h = d;
    for (int i = 1; i < 10'000; ++i) {
        const double an = -i * (i - a);
        b += 2;
        d = 1 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (std::abs(d * c - 1) < 1e-15) {
            break;
        }
    }
    return 1 - front * h;
}

/// Kolmogorov and Smirnov's statistic, times the root of the sample's size. Above 1.95: less likely than 1 in 1000.
template <class Distribution>
double kolmogorov_smirnov(std::vector<double> sample, Distribution distribution) {
    std::sort(sample.begin(), sample.end());
    const auto n = static_cast<double>(sample.size());
    double worst = 0;
    for (std::size_t i = 0; i < sample.size(); ++i) {
        const double expected = distribution(sample[i]);
        const auto rank = static_cast<double>(i);
        worst = std::max({worst, expected - rank / n, (rank + 1) / n - expected});
    }
    return worst * std::sqrt(n);
}

/// Arrivals in each whole window of `seconds`.
std::vector<double> counts_per_window(const std::vector<std::int64_t>& due_ns, double seconds) {
    const auto windows = static_cast<std::size_t>(static_cast<double>(due_ns.back()) * 1e-9 / seconds);
    std::vector<double> counts(windows, 0);
    for (const std::int64_t ns : due_ns) {
        const auto window = static_cast<std::size_t>(static_cast<double>(ns) * 1e-9 / seconds);
        if (window < windows) {
            ++counts[window];
        }
    }
    return counts;
}

/// Variance over mean: 1 for a Poisson process at every window length.
double dispersion(const std::vector<double>& counts) {
    return variance(counts) / mean(counts);
}

const Arrivals k_all_kinds[] = {{Process::constant, 997.3, 1, 1},
                                {Process::poisson, 1000, 1, 2},
                                {Process::gamma, 50, 0.25, 3},
                                {Process::gamma, 12'345.678, 7.5, 4}};

}  // namespace

TEST_CASE("A constant rate is an exact grid, a million requests long") {
    const Arrivals arrivals{Process::constant, 1000.0, 1.0, 0};
    ArrivalCursor cursor(arrivals);
    for (std::uint64_t i = 0; i < 1'000'000; ++i) {
        const std::int64_t due = cursor.at(i).count();
        if (due != static_cast<std::int64_t>(i + 1) * 1'000'000) {
            CAPTURE(i);
            REQUIRE(due == static_cast<std::int64_t>(i + 1) * 1'000'000);
        }
    }
}

TEST_CASE("A constant rate without an even period never drifts by more than a nanosecond's rounding") {
    const Arrivals arrivals{Process::constant, 3.0, 1.0, 0};
    ArrivalCursor cursor(arrivals);
    for (std::uint64_t i = 0; i < 1'000'000; ++i) {
        const auto exact = static_cast<std::int64_t>((i + 1) * 1'000'000'000ULL / 3);
        const std::int64_t due = cursor.at(i).count();
        if (due < exact || due > exact + 1) {
            CAPTURE(i);
            REQUIRE(due == exact);
        }
    }
}

TEST_CASE("The first request comes one gap after the start") {
    for (const Arrivals& arrivals : k_all_kinds) {
        ArrivalCursor cursor(arrivals);
        const double first = gap_seconds(arrivals, 0) * 1e9;
        CHECK(first > 0);
        CHECK(cursor.at(0).count() == std::llround(first));
        CHECK(cursor.at(1).count() == std::llround(first + gap_seconds(arrivals, 1) * 1e9));
    }
}

TEST_CASE("Due times never go back, and equal schedules are equal to the bit") {
    for (const Arrivals& arrivals : k_all_kinds) {
        const auto due = times(arrivals, 20'000);
        CHECK(std::is_sorted(due.begin(), due.end()));
        CHECK(due == times(arrivals, 20'000));
    }
}

TEST_CASE("A seed is a schedule of its own") {
    Arrivals arrivals{Process::poisson, 100, 1, 5};
    const auto due = times(arrivals, 1000);
    arrivals.seed = 6;
    CHECK(times(arrivals, 1000) != due);
}

TEST_CASE("Asking for the same request twice gives the same time") {
    for (const Arrivals& arrivals : k_all_kinds) {
        ArrivalCursor cursor(arrivals);
        const auto due = cursor.at(77);
        CHECK(cursor.at(77) == due);
    }
}

TEST_CASE("Any split of the requests over three cursors gives the one schedule, bit for bit") {
    constexpr std::uint64_t k_count = 30'000;
    for (const Arrivals& arrivals : k_all_kinds) {
        const auto whole = times(arrivals, k_count);
        for (const bool at_random : {false, true}) {
            Rng rng(9);
            std::vector<ArrivalCursor> cursors(3, ArrivalCursor(arrivals));
            std::vector<std::int64_t> together;
            for (std::uint64_t i = 0; i < k_count; ++i) {
                together.push_back(cursors[at_random ? rng.below(3) : i % 3].at(i).count());
            }
            CHECK(together == whole);
        }
    }
}

TEST_CASE("Poisson gaps follow the exponential distribution") {
    for (const std::uint64_t seed : {1U, 42U, 2024U}) {
        for (const double rate : {0.5, 100.0, 20'000.0}) {
            const auto sample = gaps({Process::poisson, rate, 1, seed}, 50'000);
            CAPTURE(seed, rate);
            CHECK(kolmogorov_smirnov(sample, [rate](double x) { return 1 - std::exp(-rate * x); }) < 1.95);
            CHECK(mean(sample) * rate == Approx(1).margin(0.02));
        }
    }
}

TEST_CASE("Gamma gaps follow the gamma distribution of their shape, with CV 1/sqrt(smoothness)") {
    for (const double shape : {0.1, 0.25, 0.5, 0.9, 1.0, 1.5, 2.0, 5.0, 20.0, 100.0}) {
        const double rate = 40;
        const auto sample = gaps({Process::gamma, rate, shape, 17}, 60'000);
        CAPTURE(shape);
        CHECK(kolmogorov_smirnov(sample, [&](double x) { return gamma_distribution(shape, x * rate * shape); }) < 1.95);
        const double cv = 1 / std::sqrt(shape);
        const double error = 1 / std::sqrt(60'000.0);
        CHECK(mean(sample) * rate == Approx(1).margin(4 * cv * error));
        CHECK(std::sqrt(variance(sample)) / mean(sample) == Approx(cv).epsilon(0.03));
    }
}

TEST_CASE("The check above would notice a wrong shape") {
    const auto sample = gaps({Process::gamma, 1, 2.0, 17}, 60'000);
    CHECK(kolmogorov_smirnov(sample, [](double x) { return gamma_distribution(2.2, x * 2.2); }) > 3);
    CHECK(gamma_distribution(1, 2) == Approx(1 - std::exp(-2.0)));
    CHECK(gamma_distribution(0.5, 0.3) == Approx(std::erf(std::sqrt(0.3))));
    CHECK(gamma_distribution(0.5, 3) == Approx(std::erf(std::sqrt(3.0))));
}

TEST_CASE("Smoothness 1 is a Poisson process, whatever its name") {
    const auto sample = gaps({Process::gamma, 10, 1.0, 23}, 50'000);
    CHECK(kolmogorov_smirnov(sample, [](double x) { return 1 - std::exp(-10 * x); }) < 1.95);
}

TEST_CASE("Counts of a Poisson process are as scattered as Poisson's at every window length") {
    const auto due = times({Process::poisson, 100, 1, 31}, 200'000);  // 2000 s
    for (const double seconds : {0.05, 0.1, 0.5, 1.0, 5.0}) {
        const auto counts = counts_per_window(due, seconds);
        const double error = std::sqrt(2.0 / static_cast<double>(counts.size()));
        CAPTURE(seconds);
        CHECK(dispersion(counts) == Approx(1).margin(4 * error));
        CHECK(mean(counts) == Approx(100 * seconds).epsilon(0.01));
    }
}

TEST_CASE("Counts of a Poisson process follow Poisson's distribution") {
    const auto counts = counts_per_window(times({Process::poisson, 100, 1, 37}, 200'000), 0.05);
    std::map<int, double> seen;
    for (const double count : counts) {
        ++seen[static_cast<int>(count)];
    }
    // Chi-square over counts 0..11 and "more", each of which is expected more than five times.
    constexpr int k_most = 12;
    double left = 1;
    double chi_square = 0;
    const auto n = static_cast<double>(counts.size());
    double tail = n;
    for (int k = 0; k < k_most; ++k) {
        const double probability = std::exp(-5.0 + k * std::log(5.0) - std::lgamma(k + 1.0));
        chi_square += std::pow(seen[k] - n * probability, 2) / (n * probability);
        left -= probability;
        tail -= seen[k];
    }
    REQUIRE(n * left > 5);
    chi_square += std::pow(tail - n * left, 2) / (n * left);
    CHECK(chi_square < 32.9);  // 12 degrees of freedom: exceeded once in 1000
}

TEST_CASE("Counts of a gamma process are as scattered as 1/smoothness in long windows") {
    for (const double shape : {0.25, 4.0}) {
        const auto counts = counts_per_window(times({Process::gamma, 200, shape, 41}, 400'000), 0.5);
        CAPTURE(shape);
        CHECK(dispersion(counts) == Approx(1 / shape).epsilon(0.12));
    }
}

TEST_CASE("Neighbouring gaps do not depend on each other") {
    for (const Arrivals& arrivals : {Arrivals{Process::poisson, 1, 1, 43}, Arrivals{Process::gamma, 1, 0.5, 43}}) {
        const auto sample = gaps(arrivals, 100'000);
        const double middle = mean(sample);
        double covariance = 0;
        for (std::size_t i = 1; i < sample.size(); ++i) {
            covariance += (sample[i] - middle) * (sample[i - 1] - middle);
        }
        const double correlation = covariance / static_cast<double>(sample.size()) / variance(sample);
        CHECK(std::abs(correlation) < 4 / std::sqrt(100'000.0));
    }
}
