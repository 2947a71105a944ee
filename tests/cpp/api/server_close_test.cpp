#include "server_fixture.hpp"

#include <atomic>
#include <future>
#include <thread>

using namespace aiperf;
using namespace std::chrono_literals;
using api::ServerOptions;
using nlohmann::json;
using test::RawAnswer;
using test::RawHttpClient;
using test::RunningServer;

namespace {

constexpr std::size_t k_big = 24UL << 20U;  // more than the sockets' buffers hold

ServerOptions with_timeout(base::Nanoseconds timeout) {
    ServerOptions options;
    options.shutdown_timeout = timeout;
    return options;
}

/// What a poller saw.
struct Seen {
    int answered = 0;
    int refused = 0;
    int broken = 0;   ///< an answer that began and did not end
    int dropped = 0;  ///< no byte of an answer
};

/// Polls, each time on a new connection, until refused.
Seen poll(std::uint16_t port) {
    Seen seen;
    while (seen.refused == 0) {
        try {
            RawHttpClient client(port);
            const RawAnswer answer = client.get("/api/results");
            seen.answered += answer.complete ? 1 : 0;
            seen.broken += !answer.complete && !answer.head.empty() ? 1 : 0;
            seen.dropped += answer.head.empty() ? 1 : 0;
        } catch (const std::runtime_error&) {
            ++seen.refused;
        }
    }
    return seen;
}

}  // namespace

TEST_CASE("after the close new clients are refused, and the url is still known") {
    RunningServer s;
    const std::string url = s.server.url();
    s.server.close();
    REQUIRE_FALSE(s.server.is_listening());
    REQUIRE(s.refuses());
    REQUIRE(s.server.url() == url);
}

TEST_CASE("pollers across the close are answered or refused, and no answer breaks off") {
    RunningServer s;
    s.run.finish();
    std::vector<std::future<Seen>> pollers;
    for (int i = 0; i < 4; ++i) {
        pollers.push_back(std::async(std::launch::async, poll, s.server.port()));
    }
    RawHttpClient last(s.server.port());
    for (int i = 0; i < 50; ++i) {
        REQUIRE(last.get("/api/results").complete);
    }
    s.server.close();
    for (auto& poller : pollers) {
        const Seen seen = poller.get();
        REQUIRE(seen.answered > 0);
        REQUIRE(seen.broken == 0);
        // Connected in the very instant the listener went: at most the one.
        REQUIRE(seen.dropped <= 1);
    }
}

TEST_CASE("requests that have arrived are answered though the close comes at once") {
    for (int round = 0; round < 20; ++round) {
        RunningServer s;
        s.run.finish();
        RawHttpClient client(s.server.port());
        client.request("GET", "/api/results");
        s.server.close();
        const RawAnswer answer = client.read_answer();
        REQUIRE(answer.complete);
        REQUIRE(json::parse(answer.body)["status"] == "complete");
        REQUIRE(client.ends());
        REQUIRE_FALSE(client.was_reset());
    }
}

TEST_CASE("nobody who connects while the server closes is reset") {
    for (int round = 0; round < 10; ++round) {
        RunningServer s;
        s.run.finish();
        const std::uint16_t port = s.server.port();
        std::vector<std::future<Seen>> pollers;
        for (int i = 0; i < 4; ++i) {
            pollers.push_back(std::async(std::launch::async, poll, port));
        }
        REQUIRE(s.get("/api/results").complete);
        s.server.close();
        for (auto& poller : pollers) {
            const Seen seen = poller.get();
            REQUIRE(seen.broken == 0);
            REQUIRE(seen.dropped == 0);
        }
    }
}

TEST_CASE("a long poll is answered when the server closes") {
    RunningServer s;
    RawHttpClient client(s.server.port());
    client.request("GET", "/api/results?wait=60");
    REQUIRE(s.get("/healthz").status == 200);
    s.server.close();
    const RawAnswer answer = client.read_answer();
    REQUIRE(json::parse(answer.body)["status"] == "running");
    REQUIRE(answer.header("connection") == "close");
}

TEST_CASE("silent connections are closed at once and orderly") {
    RunningServer s(with_timeout(60s));
    std::vector<std::unique_ptr<RawHttpClient>> idle;
    for (int i = 0; i < 10; ++i) {
        idle.push_back(std::make_unique<RawHttpClient>(s.server.port()));
        REQUIRE(idle.back()->get("/healthz").header("connection") == "keep-alive");
    }
    const base::Instant start = base::now();
    s.server.close();
    REQUIRE(base::now() - start < 20s);
    for (const auto& client : idle) {
        REQUIRE(client->ends());
        REQUIRE_FALSE(client->was_reset());
    }
}

TEST_CASE("half a request, and a connection without one, do not hold the close up") {
    RunningServer s(with_timeout(60s));
    RawHttpClient half(s.server.port());
    half.send("GET /api/results HTTP/1.1\r\nHo");
    RawHttpClient silent(s.server.port());
    REQUIRE(s.get("/healthz").status == 200);
    const base::Instant start = base::now();
    s.server.close();
    REQUIRE(base::now() - start < 20s);
}

TEST_CASE("answers before an announced end say that the connection will not be kept") {
    RunningServer s;
    s.server.announce_end(base::now() + 3600s);
    RawHttpClient client(s.server.port());
    REQUIRE(client.get("/api/results").header("connection") == "keep-alive");
    s.server.announce_end(base::now() + 500ms);
    REQUIRE(client.get("/api/results").header("connection") == "close");
    REQUIRE(client.ends());
}

TEST_CASE("a slow download that began before the close is finished within the shutdown timeout") {
    RunningServer s(with_timeout(60s));
    s.run.write("big.bin", std::string(k_big, 'b'));
    s.run.finish();
    RawHttpClient client(s.server.port());
    client.request("GET", "/api/results/files/big.bin");
    std::string got = client.read_some();
    REQUIRE_FALSE(got.empty());
    auto closed = std::async(std::launch::async, [&] { s.server.close(); });
    while (s.server.is_listening()) {
        std::this_thread::yield();
    }
    // The listener is gone, the download is not: the rest is only read now.
    REQUIRE(s.refuses());
    for (std::string piece = client.read_some(); !piece.empty(); piece = client.read_some()) {
        got += piece;
    }
    REQUIRE_FALSE(client.was_reset());
    const std::size_t head = got.find("\r\n\r\n") + 4;
    REQUIRE(got.size() - head == k_big);
    REQUIRE(got.substr(0, head).find("Content-Length: " + std::to_string(k_big)) != std::string::npos);
    REQUIRE(closed.wait_for(20s) == std::future_status::ready);
}

TEST_CASE("a download that outlasts the shutdown timeout is cut, visibly short") {
    RunningServer s(with_timeout(200ms));
    s.run.write("big.bin", std::string(k_big, 'b'));
    s.run.finish();
    RawHttpClient client(s.server.port());
    client.request("GET", "/api/results/files/big.bin");
    const std::string first = client.read_some();
    REQUIRE(first.find("Content-Length: " + std::to_string(k_big)) != std::string::npos);
    const base::Instant start = base::now();
    s.server.close();
    REQUIRE(base::now() - start >= 200ms);
    REQUIRE(base::now() - start < 20s);
    std::size_t got = first.size();
    for (std::string piece = client.read_some(); !piece.empty(); piece = client.read_some()) {
        got += piece.size();
    }
    REQUIRE(got < k_big);
}

TEST_CASE("a deadline of the owner cuts the shutdown timeout") {
    RunningServer s(with_timeout(300s));
    s.run.write("big.bin", std::string(k_big, 'b'));
    s.run.finish();
    RawHttpClient client(s.server.port());
    client.request("GET", "/api/results/files/big.bin");
    REQUIRE_FALSE(client.read_some().empty());
    const base::Instant start = base::now();
    s.server.close(base::now() + 100ms);
    REQUIRE(base::now() - start < 20s);
}

TEST_CASE("a file that shrinks while it is sent ends short and not padded") {
    RunningServer s;
    s.run.write("big.bin", std::string(k_big, 'b'));
    s.run.finish();
    RawHttpClient client(s.server.port());
    client.request("GET", "/api/results/files/big.bin");
    std::size_t got = client.read_some().size();
    std::filesystem::resize_file(s.run.directory.path() / "big.bin", 1024);
    for (std::string piece = client.read_some(); !piece.empty(); piece = client.read_some()) {
        got += piece.size();
    }
    REQUIRE(got < k_big);
    REQUIRE(s.get("/healthz").status == 200);
}
