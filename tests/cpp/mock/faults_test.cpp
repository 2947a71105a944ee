#include "aiperf/mock/server.hpp"
#include "raw_http_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <vector>

using namespace aiperf;
using aiperf::test::RawAnswer;
using aiperf::test::RawHttpClient;

namespace {

constexpr const char* k_chat = "/v1/chat/completions";
const std::string k_stream = R"({"stream":true,"messages":[],"max_tokens":4})";
const std::string k_plain = R"({"messages":[],"max_tokens":4})";

std::vector<bool> errors_of(const mock::Options& options, int requests) {
    mock::Server server(options);
    RawHttpClient client(server.port());
    std::vector<bool> failed;
    for (int i = 0; i < requests; ++i) {
        failed.push_back(client.post(k_chat, k_plain).status != 200);
    }
    return failed;
}

}  // namespace

TEST_CASE("errors come at their rate, the same ones for the same seed") {
    mock::Options options;
    options.error_rate = 0.3;
    options.seed = 5;
    const auto failed = errors_of(options, 1000);
    const auto count = static_cast<double>(std::count(failed.begin(), failed.end(), true));
    CHECK(std::abs(count - 300) < 4 * std::sqrt(1000 * 0.3 * 0.7));
    CHECK(errors_of(options, 1000) == failed);
    options.seed = 6;
    CHECK(errors_of(options, 1000) != failed);
}

TEST_CASE("an error answer has the status asked for and OpenAI's shape") {
    mock::Options options;
    options.error_rate = 1;
    options.error_status = 429;
    mock::Server server(options);
    RawHttpClient client(server.port());
    const RawAnswer answer = client.post(k_chat, k_stream);
    CHECK(answer.head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"));
    const auto error = nlohmann::json::parse(answer.body)["error"];
    CHECK(error["code"] == 429);
    CHECK(error["type"] == "rate_limit_error");
    CHECK(client.get("/health").status == 200);
}

TEST_CASE("resets and closes come before the head, or after the events asked for") {
    for (const bool reset : {true, false}) {
        for (const std::uint32_t after : {0U, 1U, 3U, 1000U}) {
            INFO("reset " << reset << ", after " << after);
            mock::Options options;
            (reset ? options.reset_rate : options.close_rate) = 1;
            options.fault_after_events = after;
            mock::Server server(options);
            RawHttpClient client(server.port());
            const RawAnswer answer = client.post(k_chat, k_stream);
            CHECK_FALSE(answer.complete);
            CHECK(client.was_reset() == reset);
            REQUIRE(server.wait_over(1, std::chrono::seconds(20)));
            const mock::ReceivedRequest request = server.received().at(0);
            CHECK(request.action == (reset ? "reset" : "close"));
            CHECK(request.sent_ns.size() == std::min(after, 7U));  // all events, but not the end mark
            CHECK(request.headers_sent_ns.has_value() == (after > 0));
            if (!reset) {
                CHECK(answer.chunks.size() == std::min(after, 7U));
            }
        }
    }
}

TEST_CASE("an answer that does not stream is cut before its head or in the middle of its body") {
    for (const std::uint32_t after : {0U, 5U}) {
        mock::Options options;
        options.close_rate = 1;
        options.fault_after_events = after;
        mock::Server server(options);
        RawHttpClient client(server.port());
        const RawAnswer answer = client.post(k_chat, k_plain);
        CHECK_FALSE(answer.complete);
        CHECK(answer.head.empty() == (after == 0));
        CHECK(answer.body.empty() == (after == 0));
    }
}

TEST_CASE("a stall without end holds the answer until the client leaves") {
    mock::Options options;
    options.stall_rate = 1;
    options.fault_after_events = 1;
    mock::Server server(options);
    RawHttpClient client(server.port());
    client.request("POST", k_chat, k_stream);
    CHECK_THAT(client.read_some(), Catch::Contains("assistant"));
    client.close();
    REQUIRE(server.wait_over(1, std::chrono::seconds(20)));
    CHECK(server.received().at(0).sent_ns.size() == 1);
    CHECK(server.received().at(0).client_closed_ns.has_value());
}

TEST_CASE("every request is counted once, whatever became of it") {
    mock::Options options;
    options.error_rate = 0.2;
    options.reset_rate = 0.2;
    options.close_rate = 0.2;
    options.fault_after_events = 2;
    mock::Server server(options);
    for (int i = 0; i < 200; ++i) {
        RawHttpClient client(server.port());
        static_cast<void>(client.post(k_chat, k_stream));
    }
    REQUIRE(server.wait_over(200, std::chrono::seconds(20)));
    server.stop();
    const mock::Counters counters = server.counters();
    CHECK(counters.requests == 200);
    CHECK(counters.answered + counters.cut + counters.client_closed == 200);
    CHECK(counters.cut > 40);
    CHECK(counters.error_answers > 10);
    CHECK(counters.connections == 200);
}
