#include "aiperf/process/line_tail.hpp"

#include <catch2/catch.hpp>

using aiperf::process::LineTail;
using Lines = std::vector<std::string>;

TEST_CASE("a tail keeps the last lines, an unfinished one included") {
    LineTail tail(2);
    tail.append("one\ntwo\nth");
    CHECK(tail.lines() == Lines{"two", "th"});
    tail.append("ree\n");
    CHECK(tail.lines() == Lines{"two", "three"});
}

TEST_CASE("a tail cut at every byte keeps the same lines") {
    const std::string text = "a\n\nbb\x1b[0m\nccc\tc";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        LineTail tail(3);
        tail.append(text.substr(0, cut));
        tail.append(text.substr(cut));
        REQUIRE(tail.lines() == Lines{"a", "bb?[0m", "ccc\tc"});
    }
}

TEST_CASE("a line without an end takes no more memory than allowed") {
    LineTail tail(2, 4);
    for (int i = 0; i < 1000; ++i) {
        tail.append("0123456789");
    }
    CHECK(tail.lines() == Lines{"0123"});
    tail.append("\nnext");
    CHECK(tail.lines() == Lines{"0123", "next"});
}
