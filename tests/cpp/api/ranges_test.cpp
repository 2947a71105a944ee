#include "ranges.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace aiperf;
using api::range_of;
using api::RangeAsked;
using Kind = RangeAsked::Kind;

TEST_CASE("one range of bytes is a part, cut at the end of the content") {
    REQUIRE(range_of("bytes=0-0", 10) == RangeAsked{Kind::part, {0, 1}});
    REQUIRE(range_of("bytes=2-5", 10) == RangeAsked{Kind::part, {2, 4}});
    REQUIRE(range_of("bytes=2-", 10) == RangeAsked{Kind::part, {2, 8}});
    REQUIRE(range_of("bytes=9-99", 10) == RangeAsked{Kind::part, {9, 1}});
    REQUIRE(range_of("bytes=-3", 10) == RangeAsked{Kind::part, {7, 3}});
    REQUIRE(range_of("bytes=-99", 10) == RangeAsked{Kind::part, {0, 10}});
    REQUIRE(range_of("Bytes = 2-5 ", 10) == RangeAsked{Kind::part, {2, 4}});
    REQUIRE(range_of("bytes=0-99999999999999999999999", 10) == RangeAsked{Kind::part, {0, 10}});
}

TEST_CASE("a range behind the end, and no last bytes, cannot be given") {
    for (const char* const header : {"bytes=10-", "bytes=10-12", "bytes=99999999999999999999999-", "bytes=-0"}) {
        CAPTURE(header);
        REQUIRE(range_of(header, 10) == RangeAsked{Kind::unsatisfiable});
    }
    REQUIRE(range_of("bytes=0-", 0) == RangeAsked{Kind::unsatisfiable});
}

TEST_CASE("none, several, other units and what is no range ask for the whole") {
    for (const char* const header : {"",
                                     "bytes",
                                     "bytes=",
                                     "bytes=-",
                                     "bytes=5-2",
                                     "bytes=a-b",
                                     "bytes=1-b",
                                     "bytes=--1",
                                     "bytes=+1-2",
                                     "bytes=1",
                                     "bytes=0-1,4-5",
                                     "bytes=0-1,",
                                     "pages=1-2",
                                     "bytes 0-1",
                                     "=0-1",
                                     "bytes=0x1-2",
                                     "bytes=1 -2",
                                     "bytes=1- 2"}) {
        CAPTURE(header);
        REQUIRE(range_of(header, 10) == RangeAsked{});
    }
    REQUIRE(range_of("bytes=-5", 0) == RangeAsked{});
}

TEST_CASE("a range, cut anywhere, is the whole, a part that is there, or none") {
    const std::string header = "bytes=12-345";
    for (std::size_t size = 0; size <= header.size(); ++size) {
        for (std::size_t start = 0; start <= size; ++start) {
            const RangeAsked asked = range_of(header.substr(start, size - start), 100);
            REQUIRE((asked.kind != Kind::part || asked.part.first + asked.part.count <= 100));
        }
    }
}
