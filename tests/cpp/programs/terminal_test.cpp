#include "terminal.hpp"

#include <catch2/catch.hpp>

#include <string>

using aiperf::programs::Terminal;

TEST_CASE("a line goes above the display, which is drawn again below it") {
    std::string written;
    Terminal terminal([&](std::string_view text) { written += text; });
    terminal.draw({"one", "two"});
    REQUIRE(written == "one\ntwo\n");
    written.clear();
    terminal.print("a log line");
    REQUIRE(written == "\r\x1b[2A\x1b[Ja log line\none\ntwo\n");
}

TEST_CASE("without a display lines are written as they are") {
    std::string written;
    Terminal terminal([&](std::string_view text) { written += text; });
    terminal.print("first");
    terminal.print("second\n");
    terminal.clear();
    REQUIRE(written == "first\nsecond\n");
}

TEST_CASE("the display is gone when the terminal object is") {
    std::string written;
    {
        Terminal terminal([&](std::string_view text) { written += text; });
        terminal.draw({"one"});
        written.clear();
    }
    REQUIRE(written == "\r\x1b[1A\x1b[J");
}
