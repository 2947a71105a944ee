#include "aiperf/mock/server.hpp"

#include "aiperf/base/error.hpp"
#include "raw_http_client.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <thread>
#include <vector>

using namespace aiperf;
using aiperf::test::RawHttpClient;

TEST_CASE("stop may be called again and again, and nobody is served after it") {
    mock::Server server{mock::Options{}};
    const std::uint16_t port = server.port();
    RawHttpClient open(port);
    CHECK(open.get("/health").status == 200);
    server.stop();
    server.stop();
    CHECK(open.ends());
    CHECK_THROWS_WITH(RawHttpClient(port), Catch::Contains("refused"));
    CHECK(server.port() == port);
    CHECK(server.received().size() == 1);
}

TEST_CASE("a server stops at once while answers are waiting") {
    mock::Options options;
    options.ttft = std::chrono::hours(1);
    mock::Server server(options);
    RawHttpClient client(server.port());
    client.request("POST", "/v1/chat/completions", R"({"messages":[]})");
    REQUIRE(server.wait_arrived(1, std::chrono::seconds(20)));
    server.stop();
    CHECK(client.ends());
    CHECK_FALSE(server.received().at(0).over);
    server.stop();
    CHECK(server.counters().requests == 1);
    CHECK(server.counters().answered == 0);
}

TEST_CASE("two servers run side by side, on ports of their own") {
    mock::Server one{mock::Options{}};
    mock::Server two{mock::Options{}};
    CHECK(one.port() != two.port());
    CHECK(RawHttpClient(one.port()).get("/health").status == 200);
    CHECK(RawHttpClient(two.port()).get("/health").status == 200);
    CHECK(one.url() == "http://127.0.0.1:" + std::to_string(one.port()));
}

TEST_CASE("a taken port is an error that names it, also for several workers") {
    mock::Options options;
    options.workers = 2;
    mock::Server first(options);
    options.port = first.port();
    CHECK_THROWS_WITH(mock::Server(options), Catch::Contains(std::to_string(first.port())));
    options.workers = 1;
    CHECK_THROWS_AS(mock::Server(options), base::SystemError);
}

TEST_CASE("options out of range are refused by the name of their flag") {
    const auto refusal = [](auto change) -> std::string {
        mock::Options options;
        change(options);
        try {
            mock::Server server(options);
        } catch (const base::ConfigError& error) {
            return error.what();
        }
        return "accepted";
    };
    using O = mock::Options;
    CHECK_THAT(refusal([](O& o) { o.workers = 0; }), Catch::Contains("--workers: '0'") && Catch::Contains("1 to 256"));
    CHECK_THAT(refusal([](O& o) { o.ttft = std::chrono::nanoseconds(-1); }), Catch::Contains("--ttft-ms"));
    CHECK_THAT(refusal([](O& o) { o.output_tokens = 0; }), Catch::Contains("--output-tokens"));
    CHECK_THAT(refusal([](O& o) { o.error_rate = 1.5; }), Catch::Contains("--error-rate: '1.5'"));
    CHECK_THAT(refusal([](O& o) { o.error_rate = o.reset_rate = 0.6; }), Catch::Contains("together exceed 1"));
    CHECK_THAT(refusal([](O& o) { o.announce_close = true; }), Catch::Contains("--close"));
    CHECK_THAT(refusal([](O& o) { o.models.clear(); }), Catch::Contains("--model"));
    CHECK_THAT(refusal([](O& o) { o.host = "example.org"; }), Catch::Contains("--host: 'example.org'"));
    CHECK_THAT(refusal([](O& o) { o.script = "{"; }), Catch::Contains("script"));
}

TEST_CASE("several workers serve many clients at once and forget none") {
    mock::Options options;
    options.workers = 3;
    mock::Server server(options);
    constexpr int k_clients = 8;
    constexpr int k_each = 200;
    std::vector<int> good(k_clients, 0);
    std::vector<std::thread> clients;
    for (int c = 0; c < k_clients; ++c) {
        clients.emplace_back([&server, &good, c] {
            RawHttpClient client(server.port());
            for (int i = 0; i < k_each; ++i) {
                const auto answer = client.post("/v1/chat/completions", R"({"stream":true,"messages":[]})");
                good[static_cast<std::size_t>(c)] += answer.complete ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : clients) {
        thread.join();
    }
    CHECK(good == std::vector<int>(k_clients, k_each));
    REQUIRE(server.wait_over(k_clients * k_each, std::chrono::seconds(20)));
    const auto received = server.received();
    REQUIRE(received.size() == k_clients * k_each);
    for (std::size_t i = 0; i < received.size(); ++i) {
        REQUIRE(received[i].index == i);
    }
    server.stop();
    CHECK(server.counters().answered == k_clients * k_each);
}

TEST_CASE("a server that keeps nothing still serves and counts") {
    mock::Options options;
    options.keep_requests = false;
    mock::Server server(options);
    RawHttpClient client(server.port());
    CHECK(client.get("/health").status == 200);
    CHECK(server.received().empty());
    CHECK_FALSE(server.wait_arrived(1, std::chrono::seconds(20)));
    server.stop();
    CHECK(server.counters().requests == 1);
}
