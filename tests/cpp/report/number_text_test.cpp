#include "aiperf/report/number_text.hpp"

#include "aiperf/base/rng.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

using namespace aiperf::report;

TEST_CASE("floats are written as Python writes them") {
    const std::vector<std::pair<double, const char*>> cases{
        {9.0, "9.0"},
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {50176112 * 1e-6, "50.176111999999996"},
        {0.1 + 0.2, "0.30000000000000004"},
        {0.0001, "0.0001"},
        {0.00001, "1e-05"},
        {1.5e-7, "1.5e-07"},
        {1.7763568394002505e-15, "1.7763568394002505e-15"},
        {1e15, "1000000000000000.0"},
        {123456789012345680.0, "1.2345678901234568e+17"},
        {1e16, "1e+16"},
        {1e22, "1e+22"},
        {-2.5e-100, "-2.5e-100"},
        {5e-324, "5e-324"},
        {std::numeric_limits<double>::max(), "1.7976931348623157e+308"},
        {123.456, "123.456"},
        {100.0, "100.0"},
    };
    for (const auto& [value, text] : cases) {
        CHECK(float_repr(value) == text);
    }
}

TEST_CASE("the text of a float reads back as the same float") {
    aiperf::base::Rng rng(5);
    for (int i = 0; i < 20000; ++i) {
        const auto value = std::bit_cast<double>(rng());
        if (std::isfinite(value)) {
            REQUIRE(std::strtod(float_repr(value).c_str(), nullptr) == value);
        }
    }
}

TEST_CASE("two decimals round half to even on the exact value") {
    CHECK(fixed2(0.125) == "0.12");
    CHECK(fixed2(0.375) == "0.38");
    CHECK(fixed2(2.675) == "2.67");
    CHECK(fixed2(-1.005) == "-1.00");
    CHECK(fixed2(1e20) == "100000000000000000000.00");
}

TEST_CASE("thousands are parted by commas") {
    CHECK(grouped2(0.0) == "0.00");
    CHECK(grouped2(999.994) == "999.99");
    CHECK(grouped2(999.996) == "1,000.00");
    CHECK(grouped2(1234567.891) == "1,234,567.89");
    CHECK(grouped2(-123456.0) == "-123,456.00");
    CHECK(grouped2(-123.0) == "-123.00");
}
