#include "aiperf/load/address.hpp"

#include <catch2/catch.hpp>

#include <string>

using aiperf::load::Address;

TEST_CASE("Addresses are read from their texts and told again") {
    for (const std::string text : {"127.0.0.1", "::1", "2001:db8::7"}) {
        const Address address = Address::of_ip(text, 8080);
        CHECK(address.length != 0);
        CHECK(address.host() == text);
        CHECK(address.port() == 8080);
        CHECK(address.family() == (text.find(':') == std::string::npos ? AF_INET : AF_INET6));
    }
    for (const std::string text : {"", "localhost", "127.0.0.1:80", "[::1]", "1.2.3"}) {
        CHECK(Address::of_ip(text, 80).length == 0);
    }
}

TEST_CASE("A path is an address up to the system's limit") {
    const Address address = Address::of_path("/run/server.sock");
    CHECK(address.family() == AF_UNIX);
    CHECK(address.host() == "/run/server.sock");
    CHECK(address.port() == 0);
    CHECK(Address::of_path("/" + std::string(106, 'x')).length != 0);
    CHECK(Address::of_path("/" + std::string(107, 'x')).length == 0);
    CHECK(Address::of_path("").length == 0);
}
