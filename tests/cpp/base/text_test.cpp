#include "aiperf/base/text.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <string>

using namespace aiperf::base;

TEST_CASE("an integer is the whole text and fits") {
    REQUIRE(parse_integer("-12") == -12);
    REQUIRE(parse_unsigned("18446744073709551615") == 18446744073709551615ULL);
    for (const char* text : {"", " 1", "1 ", "+1", "1.0", "0x1", "1e3", "abc", "99999999999999999999"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_integer(text));
        REQUIRE_FALSE(parse_unsigned(text));
    }
    REQUIRE_FALSE(parse_unsigned("-1"));
    REQUIRE(looks_like_integer("99999999999999999999"));
    REQUIRE_FALSE(looks_like_integer("-"));
    REQUIRE_FALSE(looks_like_integer("1.0"));
}

TEST_CASE("a number is the whole text, inf and nan are left to the caller") {
    REQUIRE(parse_number("0.5") == 0.5);
    REQUIRE(parse_number("1e3") == 1000.0);
    REQUIRE(std::isinf(parse_number("inf").value()));
    REQUIRE(std::isnan(parse_number("nan").value()));
    for (const char* text : {"", "1,5", "1 ", "x", "1e999", "--1"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_number(text));
    }
}

TEST_CASE("a number's text reads back as the same number") {
    for (const double value : {0.0, 0.1, 1.0 / 3.0, 5.0, 1e300, -2.5}) {
        REQUIRE(parse_number(number_text(value)) == value);
    }
    REQUIRE(number_text(5.0) == "5");
}

TEST_CASE("truth values are read in any case") {
    REQUIRE(parse_boolean("TRUE") == true);
    REQUIRE(parse_boolean("off") == false);
    REQUIRE_FALSE(parse_boolean("maybe"));
    REQUIRE_FALSE(parse_boolean(""));
}

TEST_CASE("wrapped lines keep within the width and hold every word") {
    const auto lines = wrap("one two three averyveryverylongword four", 10);
    REQUIRE(lines == std::vector<std::string>{"one two", "three", "averyveryverylongword", "four"});
}

TEST_CASE("edit distance counts single edits and swaps of neighbours") {
    REQUIRE(edit_distance("", "abc") == 3);
    REQUIRE(edit_distance("concurency", "concurrency") == 1);
    REQUIRE(edit_distance("ab", "ba") == 1);
    REQUIRE(edit_distance("kitten", "sitting") == 3);
    REQUIRE(edit_distance("same", "same") == 0);
}

TEST_CASE("the nearest name is found, and nothing where nothing is near") {
    constexpr std::array<std::string_view, 3> k_names{"--url", "--concurrency", "--streaming"};
    REQUIRE(nearest("--concurency", k_names) == "--concurrency");
    REQUIRE(nearest("--steaming", k_names) == "--streaming");
    REQUIRE_FALSE(nearest("--frobnicate-the-server", k_names));
    REQUIRE_FALSE(nearest("", k_names));
}

TEST_CASE("what JSON does not allow inside a string is escaped, and nothing else") {
    const auto escaped = [](std::string_view text) {
        std::string out = "<";
        append_json_escaped(out, text);
        return out;
    };
    CHECK(escaped("") == "<");
    CHECK(escaped("plain \xc3\xa9 / '\x7f") == "<plain \xc3\xa9 / '\x7f");
    CHECK(escaped("\"\\\b\f\n\r\t") == R"(<\"\\\b\f\n\r\t)");
    CHECK(escaped(std::string_view("\0\x1f", 2)) == R"(<\u0000\u001f)");
}
