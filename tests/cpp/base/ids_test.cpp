#include "aiperf/base/ids.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdio>

using namespace aiperf;  // NOLINT: a test

TEST_CASE("eight digits are written as printf writes them") {
    base::Rng rng(7);
    for (int i = 0; i < 10'000; ++i) {
        const auto number = static_cast<std::uint32_t>(rng());
        std::array<char, 9> written{};
        std::array<char, 9> expected{};
        base::write_hex(number, written.data());
        std::snprintf(expected.data(), expected.size(), "%08x", number);
        REQUIRE(written == expected);
    }
}

TEST_CASE("an id has the form of a version 4 UUID, all other bits are its words'") {
    std::string text(base::k_uuid_chars, '\0');
    base::write_uuid(0x0123456789abcdefULL, 0xfedcba9876543210ULL, text.data());
    CHECK(text == "01234567-89ab-4def-bedc-ba9876543210");
}

TEST_CASE("ids follow from run, kind and number") {
    const base::IdSource ids(42);
    CHECK(ids.request_id(1) == ids.request_id(1));
    CHECK(ids.request_id(1) != ids.request_id(2));
    CHECK(ids.request_id(1) != ids.correlation_id(1));
    CHECK(ids.request_id(1) != base::IdSource(43).request_id(1));
}
