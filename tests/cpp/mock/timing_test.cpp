#include "aiperf/mock/server.hpp"
#include "raw_http_client.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace aiperf;
using namespace std::chrono_literals;
using aiperf::test::RawAnswer;
using aiperf::test::RawHttpClient;
using Clock = std::chrono::steady_clock;

namespace {

constexpr const char* k_chat = "/v1/chat/completions";

std::string stream_of(int tokens) {
    return R"({"stream":true,"messages":[],"max_tokens":)" + std::to_string(tokens) + "}";
}

/// When each event of a stream was handed to the system, after the request arrived.
std::vector<std::int64_t> event_times(const mock::Options& options, int tokens, std::size_t requests) {
    mock::Server server(options);
    RawHttpClient client(server.port());
    std::vector<std::int64_t> times;
    for (std::size_t i = 0; i < requests; ++i) {
        REQUIRE(client.post(k_chat, stream_of(tokens)).complete);
    }
    REQUIRE(server.wait_over(requests, 20s));
    for (const mock::ReceivedRequest& request : server.received()) {
        for (const std::int64_t at : request.sent_ns) {
            times.push_back(at - request.arrival_ns);
        }
    }
    return times;
}

}  // namespace

TEST_CASE("no event comes before its time, and all come in order") {
    mock::Options options;
    options.ttft = 20ms;
    options.itl = 3ms;
    options.tokens_per_chunk = 2;
    mock::Server server(options);
    RawHttpClient client(server.port());
    const auto started = Clock::now();
    const RawAnswer answer = client.post(k_chat, stream_of(5));
    // role and the first chunk after ttft, the second 2, the third 1 token later; finish and [DONE] with it
    const std::vector<base::Nanoseconds> due{20ms, 20ms, 26ms, 29ms, 29ms, 29ms};
    REQUIRE(answer.chunk_times.size() == due.size());
    for (std::size_t i = 0; i < due.size(); ++i) {
        CHECK(answer.chunk_times[i] - started >= due[i]);
    }
    REQUIRE(server.wait_over(1, 20s));
    const mock::ReceivedRequest request = server.received().at(0);
    CHECK(request.headers_sent_ns.value() - request.arrival_ns >= 20'000'000);
    REQUIRE(request.sent_ns.size() == due.size());
    for (std::size_t i = 0; i < due.size(); ++i) {
        CHECK(request.sent_ns[i] - request.arrival_ns >= due[i].count());
    }
}

TEST_CASE("an answer that does not stream takes as long as its tokens would") {
    mock::Options options;
    options.ttft = 10ms;
    options.itl = 2ms;
    mock::Server server(options);
    RawHttpClient client(server.port());
    const auto started = Clock::now();
    CHECK(client.post(k_chat, R"({"messages":[],"max_tokens":6})").complete);
    CHECK(Clock::now() - started >= 20ms);
}

TEST_CASE("without delays all events of a stream are written together") {
    mock::Server server{mock::Options{}};
    RawHttpClient client(server.port());
    CHECK(client.post(k_chat, stream_of(50)).chunks.size() == 53);
    REQUIRE(server.wait_over(1, 20s));
    const mock::ReceivedRequest request = server.received().at(0);
    REQUIRE(request.sent_ns.size() == 53);
    CHECK(request.sent_ns.front() == request.sent_ns.back());
    server.stop();
    CHECK(server.counters().events == 53);
}

TEST_CASE("jitter moves events, but never before the event in front") {
    mock::Options options;
    options.ttft = 3ms;
    options.ttft_jitter = 2ms;
    options.itl = 1ms;
    options.itl_jitter = 1ms;
    const auto times = event_times(options, 8, 5);
    REQUIRE(times.size() == 5 * 11);
    for (std::size_t request = 0; request < 5; ++request) {
        CHECK(std::is_sorted(times.begin() + static_cast<std::ptrdiff_t>(request * 11),
                             times.begin() + static_cast<std::ptrdiff_t>((request + 1) * 11)));
    }
    std::vector<std::int64_t> firsts;
    for (std::size_t request = 0; request < 5; ++request) {
        firsts.push_back(times[request * 11] / 100'000);
    }
    std::sort(firsts.begin(), firsts.end());
    CHECK(std::unique(firsts.begin(), firsts.end()) - firsts.begin() > 1);
}

TEST_CASE("a stalled answer stops where it should and goes on after its time") {
    mock::Options options;
    options.stall_rate = 1;
    options.stall_time = 40ms;
    options.fault_after_events = 2;
    mock::Server server(options);
    RawHttpClient client(server.port());
    const auto started = Clock::now();
    const RawAnswer answer = client.post(k_chat, stream_of(4));
    CHECK(answer.complete);
    REQUIRE(answer.chunks.size() == 7);
    CHECK(answer.chunk_times[2] - started >= 40ms);
    REQUIRE(server.wait_over(1, 20s));
    const mock::ReceivedRequest request = server.received().at(0);
    CHECK(request.sent_ns[2] - request.arrival_ns >= 40'000'000);
}

TEST_CASE("slow bytes come in pieces, each after its interval") {
    mock::Options options;
    options.write_bytes = 100;
    options.write_interval = 2ms;
    mock::Server server(options);
    RawHttpClient client(server.port());
    const auto started = Clock::now();
    const RawAnswer answer = client.post(k_chat, R"({"messages":[],"max_tokens":100})");
    CHECK(answer.complete);
    const auto pieces = static_cast<int>((answer.head.size() + answer.body.size() + 99) / 100);
    REQUIRE(pieces > 5);
    CHECK(Clock::now() - started >= (pieces - 1) * 2ms);
}

TEST_CASE("slow bytes hold a stream's events back without changing them") {
    mock::Options options;
    options.write_bytes = 50;
    options.write_interval = 1ms;
    mock::Server slow(options);
    mock::Server fast{mock::Options{}};
    RawHttpClient slow_client(slow.port());
    RawHttpClient fast_client(fast.port());
    const RawAnswer answer = slow_client.post(k_chat, stream_of(6));
    CHECK(answer.complete);
    CHECK(answer.chunks.size() == fast_client.post(k_chat, stream_of(6)).chunks.size());
    REQUIRE(slow.wait_over(1, 20s));
    const mock::ReceivedRequest request = slow.received().at(0);
    REQUIRE(request.sent_ns.size() == 9);
    CHECK(request.sent_ns.back() - request.arrival_ns >= 20'000'000);
}
