#include "aiperf/config/url.hpp"

#include "aiperf/base/error.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace aiperf;
using config::parse_url;
using config::Url;

namespace {

std::string refusal(const std::string& text) {
    try {
        (void)parse_url(text);
    } catch (const base::ConfigError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("addresses are taken apart") {
    REQUIRE(parse_url("localhost:8000") == Url{"localhost", 8000, ""});
    REQUIRE(parse_url("localhost") == Url{"localhost", 80, ""});
    REQUIRE(parse_url("HTTP://host/v1/") == Url{"host", 80, "/v1"});
    REQUIRE(parse_url("http://[::1]:8000/a/b") == Url{"::1", 8000, "/a/b"});
    REQUIRE(parse_url("[::1]") == Url{"::1", 80, ""});
    REQUIRE(parse_url("host/path@x") == Url{"host", 80, "/path@x"});
}

TEST_CASE("an address put together again is the same address") {
    for (const char* text : {"http://localhost:8000", "http://[::1]:8000/v1", "http://h"}) {
        REQUIRE(parse_url(text).text() == text);
    }
}

TEST_CASE("https is refused with the reason, other schemes as not allowed") {
    REQUIRE(refusal("https://h") == "--url: 'https://h': TLS is not supported yet; use http://");
    REQUIRE(refusal("ftp://h").starts_with("--url: 'ftp://h' is not allowed; "));
    REQUIRE(refusal("mailto:x").starts_with("--url: 'mailto:x' is not allowed; "));
}

TEST_CASE("addresses without a host, with a bad port or with more than a path are refused") {
    for (const char* text : {"http://:18765",
                             "",
                             "http://",
                             "http:///v1",
                             "h:",
                             "h:0",
                             "h:65536",
                             "h:80x",
                             "http://h:-1",
                             "http://[::1",
                             "http://[]:80",
                             "http://[::1]80",
                             "h h",
                             "h\n",
                             "http://h?x=1",
                             "http://h#x"}) {
        CAPTURE(text);
        REQUIRE(refusal(text).find(" is not allowed; ") != std::string::npos);
    }
    REQUIRE(refusal("http://u:p@h") == "--url: user and password in a URL are not supported yet");
}
