#include "aiperf/config/url.hpp"

#include "aiperf/base/error.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace aiperf;
using config::parse_url;
using config::Url;

namespace {

Url http(const std::string& host, std::uint16_t port, const std::string& path) {
    return {.host = host, .port = port, .path = path, .scheme = config::Scheme::http, .socket = {}};
}

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
    REQUIRE(parse_url("localhost:8000") == http("localhost", 8000, ""));
    REQUIRE(parse_url("localhost") == http("localhost", 80, ""));
    REQUIRE(parse_url("HTTP://host/v1/") == http("host", 80, "/v1"));
    REQUIRE(parse_url("http://[::1]:8000/a/b") == http("::1", 8000, "/a/b"));
    REQUIRE(parse_url("[::1]") == http("::1", 80, ""));
    REQUIRE(parse_url("host/path@x") == http("host", 80, "/path@x"));
}

TEST_CASE("an address put together again is the same address") {
    for (const char* text : {"http://localhost:8000", "http://[::1]:8000/v1", "http://h"}) {
        REQUIRE(parse_url(text).text() == text);
    }
}

TEST_CASE("https has a port of its own") {
    const Url url = parse_url("https://h/v1");
    REQUIRE((url.is_tls() && url.host == "h" && url.port == 443 && url.path == "/v1"));
    REQUIRE(url.text() == "https://h/v1");
    REQUIRE(parse_url("https://h:80").text() == "https://h:80");
    REQUIRE(parse_url("https://H:444/x").origin() == "https://h:444");
    REQUIRE(parse_url("HTTP://h").origin() == "http://h:80");
}

TEST_CASE("a socket's path is an address, in two spellings") {
    const Url plain = parse_url("unix:///run/server.sock");
    REQUIRE((plain.scheme == config::Scheme::unix_socket && plain.socket == "/run/server.sock"));
    REQUIRE((plain.host == "localhost" && plain.path.empty() && plain.text() == "unix:///run/server.sock"));
    const Url coded = parse_url("http+unix://%2Frun%2Fmy%20server.sock/v1/");
    REQUIRE((coded.socket == "/run/my server.sock" && coded.path == "/v1"));
    for (const char* text : {"unix://", "unix://run/x", "http+unix://%2", "http+unix://%zz/x", "http+unix://run/x"}) {
        REQUIRE(refusal(text).find(" is not allowed; ") != std::string::npos);
    }
    REQUIRE(refusal("unix:///" + std::string(107, 'x')).find("at most 107 bytes") != std::string::npos);
}

TEST_CASE("addresses are told from names") {
    REQUIRE((config::is_ip_address("127.0.0.1") && config::is_ip_address("::1")));
    REQUIRE(!(config::is_ip_address("localhost") || config::is_ip_address("1.2.3") || config::is_ip_address("")));
}

TEST_CASE("other schemes are not allowed") {
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
