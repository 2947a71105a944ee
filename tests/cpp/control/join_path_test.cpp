#include "network.hpp"

#include <catch2/catch.hpp>

using aiperf::control::join_path;

TEST_CASE("A path that the base URL has already is not added again") {
    const std::string chat = "/v1/chat/completions";
    CHECK(join_path("", chat) == chat);
    CHECK(join_path("/v1", chat) == chat);
    CHECK(join_path("/v1/chat/completions", chat) == chat);
    CHECK(join_path("/proxy", chat) == "/proxy/v1/chat/completions");
    CHECK(join_path("/proxy/v1", chat) == "/proxy/v1/chat/completions");
}

TEST_CASE("A custom endpoint goes behind the base, and an empty one adds nothing") {
    CHECK(join_path("", "/v2/chat") == "/v2/chat");
    CHECK(join_path("", "v2/chat") == "/v2/chat");
    CHECK(join_path("/proxy", "/v2/chat") == "/proxy/v2/chat");
    CHECK(join_path("", "").compare("/") == 0);
    CHECK(join_path("/proxy", "") == "/proxy");
}
