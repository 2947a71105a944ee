#include "aiperf/base/sketch.hpp"

#include "aiperf/base/rng.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <thread>
#include <vector>

using aiperf::base::Sketch;

TEST_CASE("a sketch without samples has no quantiles") {
    const auto sketch = std::make_unique<Sketch>();
    CHECK(sketch->count() == 0);
    CHECK_FALSE(sketch->quantile(0.5).has_value());
}

TEST_CASE("a quantile of a sketch is within two percent of the true one, over eleven decades") {
    const auto sketch = std::make_unique<Sketch>();
    aiperf::base::Rng rng(11);
    std::vector<double> values;
    for (int i = 0; i < 20001; ++i) {
        const auto value = static_cast<std::int64_t>(std::pow(10.0, 11.0 * rng.uniform()));
        values.push_back(static_cast<double>(value));
        sketch->add(value);
    }
    std::sort(values.begin(), values.end());
    CHECK(sketch->count() == values.size());
    for (const double q : {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const double exact = values[static_cast<std::size_t>(std::llround(q * 20000.0))];
        INFO("q " << q << " exact " << exact << " sketch " << *sketch->quantile(q));
        CHECK(std::abs(*sketch->quantile(q) - exact) <= 0.02 * exact);
    }
}

TEST_CASE("every single value comes back within two percent") {
    for (std::int64_t value = 0; value < 5000; ++value) {
        const auto sketch = std::make_unique<Sketch>();
        sketch->add(value);
        const auto exact = static_cast<double>(value);
        REQUIRE(std::abs(*sketch->quantile(0.5) - exact) <= 0.02 * exact);
    }
}

TEST_CASE("durations outside the range count as its ends") {
    const auto sketch = std::make_unique<Sketch>();
    sketch->add(-5);
    CHECK(*sketch->quantile(0.5) == 0.0);
    sketch->add(std::int64_t{1} << 62);
    CHECK(*sketch->quantile(1.0) == Approx(281474976710655.0).epsilon(0.02));
}

TEST_CASE("merged sketches answer like one that saw everything") {
    const auto all = std::make_unique<Sketch>();
    const auto a = std::make_unique<Sketch>();
    const auto b = std::make_unique<Sketch>();
    aiperf::base::Rng rng(3);
    for (int i = 0; i < 5000; ++i) {
        const auto value = static_cast<std::int64_t>(rng.below(1U << 30U));
        all->add(value);
        (i % 3 == 0 ? a : b)->add(value);
    }
    a->merge(*b);
    CHECK(a->count() == all->count());
    for (const double q : {0.0, 0.1, 0.5, 0.99, 1.0}) {
        CHECK(*a->quantile(q) == *all->quantile(q));
    }
}

TEST_CASE("another thread may read while one adds") {
    const auto sketch = std::make_unique<Sketch>();
    constexpr int k_adds = 200000;
    std::thread writer([&] {
        for (int i = 0; i < k_adds; ++i) {
            sketch->add(1000);
        }
    });
    std::uint64_t last = 0;
    bool ordered = true;
    while (last < k_adds) {
        const std::uint64_t now = sketch->count();
        ordered = ordered && now >= last;
        last = now;
    }
    writer.join();
    CHECK(ordered);
    CHECK(*sketch->quantile(0.5) == Approx(1000.0).epsilon(0.02));
}
