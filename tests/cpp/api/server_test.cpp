#include "aiperf/base/error.hpp"
#include "listener.hpp"
#include "server_fixture.hpp"

#include <arpa/inet.h>
#include <future>
#include <sys/socket.h>
#include <unistd.h>

using namespace aiperf;
using namespace std::chrono_literals;
using api::Server;
using api::ServerOptions;
using nlohmann::json;
using test::RawAnswer;
using test::RawHttpClient;
using test::RunningServer;

namespace {

std::string refusal(ServerOptions options) {
    const test::ApiRun run;
    api::RunState state{run.facts()};
    Server server(state, std::move(options));
    try {
        server.start();
    } catch (const base::RunError& error) {
        REQUIRE_FALSE(server.is_listening());
        REQUIRE(server.url().empty());
        return error.what();
    }
    return "listens";
}

ServerOptions on(const std::string& host, std::uint16_t port = 0) {
    ServerOptions options;
    options.host = host;
    options.port = port;
    return options;
}

bool has_ipv6() {
    try {
        static_cast<void>(api::listen_on("::1", 0));
    } catch (const base::RunError&) {
        return false;
    }
    return true;
}

/// Status line of GET /healthz by way of ::1.
std::string ask_v6(std::uint16_t port) {
    const api::Descriptor fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return "cannot connect";
    }
    const std::string request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    static_cast<void>(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL));
    char bytes[64] = {};
    static_cast<void>(::recv(fd.get(), bytes, 15, MSG_WAITALL));
    return bytes;
}

}  // namespace

TEST_CASE("every route is served over a socket, with its type and the run's id") {
    RunningServer s;
    s.run.progress();
    s.run.finish();
    const std::vector<std::pair<std::string, std::string>> routes{
        {"/api/results", "application/json"},
        {"/api/results/list", "application/json"},
        {"/api/results/files/profile_export.jsonl", "application/x-ndjson"},
        {"/api/results/files/profile_export_aiperf.csv", "text/csv; charset=utf-8"},
        {"/api/progress", "application/json"},
        {"/api/metrics", "application/json"},
        {"/metrics", "text/plain; charset=utf-8"},
        {"/api/workers", "application/json"},
        {"/api/config", "application/json"},
        {"/api/run", "application/json"},
        {"/healthz", "text/plain; charset=utf-8"},
        {"/readyz", "text/plain; charset=utf-8"}};
    RawHttpClient client(s.server.port());
    for (const auto& [target, type] : routes) {
        const RawAnswer answer = client.get(target);
        CAPTURE(target, answer.head);
        REQUIRE(answer.status == 200);
        REQUIRE(answer.complete);
        REQUIRE(answer.header("content-type") == type);
        REQUIRE(answer.header("x-aiperf-run-id") == "0123456789ab");
        REQUIRE(answer.header("content-length") == std::to_string(answer.body.size()));
        client.request("HEAD", target);
        const RawAnswer head = client.read_answer(true);
        REQUIRE(head.status == 200);
        REQUIRE(head.header("content-length") == answer.header("content-length"));
    }
    REQUIRE(client.get("/nope").status == 404);
    REQUIRE(client.post("/api/results", "{}").status == 405);
}

TEST_CASE("an empty file, a one-piece file and one of many pieces arrive byte for byte") {
    RunningServer s;
    s.run.write("empty.txt", "");
    s.run.write("small.txt", "x");
    std::string big;
    for (std::uint32_t i = 0; big.size() < 3'000'001; ++i) {
        big += std::to_string(i) + "\n";
    }
    s.run.write("big.txt", big);
    s.run.write("exact.txt", std::string(128 * 1024, 'e'));
    s.run.finish();
    RawHttpClient client(s.server.port());
    REQUIRE(client.get("/api/results/files/empty.txt").body.empty());
    REQUIRE(client.get("/api/results/files/small.txt").body == "x");
    REQUIRE(client.get("/api/results/files/big.txt").body == big);
    REQUIRE(client.get("/api/results/files/exact.txt").body == std::string(128 * 1024, 'e'));
    REQUIRE(client.get("/healthz").status == 200);
}

TEST_CASE("a long poll is answered by the end of the run, or by its own") {
    RunningServer s;
    RawHttpClient waiting(s.server.port());
    waiting.request("GET", "/api/results?wait=60");
    REQUIRE(json::parse(s.get("/api/results?wait=0.02").body)["status"] == "running");
    s.run.finish();
    const RawAnswer answer = waiting.read_answer();
    REQUIRE(answer.status == 200);
    REQUIRE(json::parse(answer.body)["status"] == "complete");
}

TEST_CASE("many long polls are all answered by one ending") {
    RunningServer s;
    std::vector<std::unique_ptr<RawHttpClient>> clients;
    for (int i = 0; i < 100; ++i) {
        clients.push_back(std::make_unique<RawHttpClient>(s.server.port()));
        clients.back()->request("GET", "/api/results?wait=60");
    }
    s.run.finish();
    for (const auto& client : clients) {
        REQUIRE(json::parse(client->read_answer().body)["status"] == "complete");
    }
}

TEST_CASE("port 0 gives a real port, and the url names it") {
    const RunningServer s;
    REQUIRE(s.server.port() != 0);
    REQUIRE(s.server.url() == "http://127.0.0.1:" + std::to_string(s.server.port()));
    REQUIRE(s.server.is_listening());
}

TEST_CASE("IPv6 is served, with brackets in the url") {
    if (!has_ipv6()) {
        WARN("no IPv6 on this machine");
        return;
    }
    const RunningServer s(on("::1"));
    REQUIRE(s.server.url() == "http://[::1]:" + std::to_string(s.server.port()));
    REQUIRE(ask_v6(s.server.port()) == "HTTP/1.1 200 OK");
}

TEST_CASE("a name is served on every address it has") {
    const RunningServer s(on("localhost"));
    REQUIRE(s.server.url() == "http://localhost:" + std::to_string(s.server.port()));
    REQUIRE(s.get("/healthz").status == 200);
}

TEST_CASE("what cannot be listened on is refused with place and reason") {
    const RunningServer first;
    const std::uint16_t taken = first.server.port();
    REQUIRE(refusal(on("127.0.0.1", taken)) ==
            "the results server cannot listen on 127.0.0.1:" + std::to_string(taken) + ": Address already in use");
    REQUIRE(refusal(on("192.0.2.1", 80)) ==
            "the results server cannot listen on 192.0.2.1:80: Cannot assign requested address");
    const std::string unknown = refusal(on("no-such-host.invalid", 9090));
    CAPTURE(unknown);
    REQUIRE(unknown.starts_with("the results server cannot listen on no-such-host.invalid:9090: "));
    REQUIRE(unknown.size() > 70);
}

TEST_CASE("a port is free for the next server at once, with connections of the last one lingering") {
    std::uint16_t port = 0;
    std::vector<std::unique_ptr<RawHttpClient>> lingering;
    {
        RunningServer s;
        port = s.server.port();
        for (int i = 0; i < 20; ++i) {
            lingering.push_back(std::make_unique<RawHttpClient>(port));
            REQUIRE(lingering.back()->get("/healthz").status == 200);
        }
        s.server.close();
    }
    const RunningServer next(on("127.0.0.1", port));
    REQUIRE(next.get("/healthz").status == 200);
}

TEST_CASE("start, start: the second is refused; close before start, close, close: nothing happens") {
    test::ApiRun run;
    Server server(run.state, {});
    server.close();
    server.start();
    REQUIRE_THROWS_AS(server.start(), base::RunError);
    server.close();
    server.close();
    REQUIRE_FALSE(server.is_listening());
    REQUIRE_THROWS_AS(server.start(), base::RunError);
}

TEST_CASE("a shutdown request reaches the owner, who may close from another thread") {
    std::promise<void> asked;
    ServerOptions options;
    options.on_shutdown_request = [&] {
        asked.set_value();
        return true;
    };
    RunningServer s(std::move(options));
    RawHttpClient client(s.server.port());
    REQUIRE(client.post("/api/shutdown", "{}").status == 409);
    s.run.finish();
    REQUIRE(client.post("/api/shutdown", "").body == R"({"status":"shutting_down"})");
    REQUIRE(asked.get_future().wait_for(20s) == std::future_status::ready);
}
