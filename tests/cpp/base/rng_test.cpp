#include "aiperf/base/rng.hpp"

#include "aiperf/base/ids.hpp"

#include <catch2/catch.hpp>

using namespace aiperf::base;

TEST_CASE("equal seeds give equal draws, other names other streams") {
    Rng a(derive_seed(42, "arrivals"));
    Rng b(derive_seed(42, "arrivals"));
    Rng c(derive_seed(42, "prompts"));
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const auto x = a();
        REQUIRE(x == b());
        differs = differs || x != c();
    }
    REQUIRE(differs);
}

TEST_CASE("normal draws have mean 0 and deviation 1") {
    Rng rng(7);
    double sum = 0;
    double squares = 0;
    constexpr int k_draws = 200000;
    for (int i = 0; i < k_draws; ++i) {
        const double x = rng.normal();
        sum += x;
        squares += x * x;
    }
    REQUIRE(std::abs(sum / k_draws) < 0.01);
    REQUIRE(std::abs(squares / k_draws - 1.0) < 0.02);
}

TEST_CASE("ids have the shape of a version 4 UUID and differ by kind and number") {
    const IdSource ids(99);
    const std::string id = ids.request_id(5);
    REQUIRE(id.size() == k_uuid_chars);
    REQUIRE(id[14] == '4');
    REQUIRE((id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-'));
    REQUIRE(id != ids.request_id(6));
    REQUIRE(id != ids.correlation_id(5));
    REQUIRE(id == IdSource(99).request_id(5));
}
