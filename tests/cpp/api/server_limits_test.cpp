#include "server_fixture.hpp"

#include <sys/resource.h>
#include <unistd.h>

using namespace aiperf;
using namespace std::chrono_literals;
using api::ServerOptions;
using nlohmann::json;
using test::RawAnswer;
using test::RawHttpClient;
using test::RunningServer;

namespace {

RawAnswer answer_to(const RunningServer& s, const std::string& bytes) {
    RawHttpClient client(s.server.port());
    client.send(bytes);
    return client.read_answer();
}

}  // namespace

TEST_CASE("too much of anything is refused with the reason, and the server goes on") {
    const RunningServer s;
    REQUIRE(answer_to(s, "GET /" + std::string(10'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 414);
    std::string many = "GET / HTTP/1.1\r\nHost: localhost\r\n";
    for (int i = 0; i < 100; ++i) {
        many += "X-" + std::to_string(i) + ": y\r\n";
    }
    REQUIRE(answer_to(s, many + "\r\n").status == 431);
    REQUIRE(answer_to(s, "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(40'000, 'a') + "\r\n\r\n").status ==
            431);
    const std::string body(100'000, 'b');
    const RawAnswer big = answer_to(
        s, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    REQUIRE(big.status == 413);
    REQUIRE(json::parse(big.body).contains("detail"));
    REQUIRE(s.get("/healthz").status == 200);
}

TEST_CASE("what is no HTTP is told so, or just closed, and harms nobody") {
    const RunningServer s;
    for (const std::string& bytes :
         {std::string("hello\r\n\r\n"),
          std::string("GET\r\n\r\n"),
          std::string("\x16\x03\x01\x02\x00\x01", 6),
          std::string("GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
          std::string("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
          std::string("GET / HTTP/1.1\r\nX: ") + std::string(400'000, 'a')}) {
        const RawAnswer answer = answer_to(s, bytes);
        CAPTURE(bytes.substr(0, 60), answer.head);
        REQUIRE((answer.status == 400 || answer.status == 0 || answer.status == 431));
    }
    REQUIRE(s.get("/healthz").status == 200);
}

TEST_CASE("a request that takes too long is answered 408, silence is closed") {
    ServerOptions options;
    options.limits.request_time = 50ms;
    options.limits.idle_time = 50ms;
    const RunningServer s(std::move(options));
    const RawAnswer slow = answer_to(s, "GET /healthz HTTP/1.1\r\nHost:");
    REQUIRE(slow.status == 408);
    RawHttpClient silent(s.server.port());
    REQUIRE(silent.ends());
    RawHttpClient kept(s.server.port());
    REQUIRE(kept.get("/healthz").status == 200);
    REQUIRE(kept.ends());
}

TEST_CASE("a reader that stops is closed after the write time, and delays nobody meanwhile") {
    ServerOptions options;
    options.limits.write_time = 300ms;
    RunningServer s(std::move(options));
    s.run.write("big.bin", std::string(24UL << 20U, 'b'));
    s.run.finish();
    RawHttpClient stuck(s.server.port());
    stuck.request("GET", "/api/results/files/big.bin");
    std::size_t got = stuck.read_some().size();
    RawHttpClient other(s.server.port());
    const base::Instant enough = base::now() + 3s;
    while (base::now() < enough) {
        REQUIRE(other.get("/api/results").complete);
    }
    for (std::string piece = stuck.read_some(); !piece.empty(); piece = stuck.read_some()) {
        got += piece.size();
    }
    REQUIRE(got < (24UL << 20U));
}

TEST_CASE("at the limit of connections the longest silent one gives way") {
    ServerOptions options;
    options.limits.connections = 8;
    const RunningServer s(std::move(options));
    std::vector<std::unique_ptr<RawHttpClient>> silent;
    for (int i = 0; i < 40; ++i) {
        silent.push_back(std::make_unique<RawHttpClient>(s.server.port()));
    }
    REQUIRE(s.get("/healthz").status == 200);
    REQUIRE(silent.front()->ends());
}

TEST_CASE("at the limit with all being answered a newcomer gets 503") {
    ServerOptions options;
    options.limits.connections = 2;
    RunningServer s(std::move(options));
    RawHttpClient one(s.server.port());
    RawHttpClient two(s.server.port());
    REQUIRE(one.get("/healthz").status == 200);
    REQUIRE(two.get("/healthz").status == 200);
    one.request("GET", "/api/results?wait=60");
    two.request("GET", "/api/results?wait=60");
    int status = 0;
    // Until both polls have been read, one of their connections still counts as silent.
    for (int i = 0; i < 1000 && status != 503; ++i) {
        RawHttpClient third(s.server.port());
        status = third.read_answer().status;
        if (status == 0) {
            break;
        }
    }
    REQUIRE(status == 503);
    s.run.finish();
    REQUIRE(json::parse(one.read_answer().body)["status"] == "complete");
}

TEST_CASE("pipelined requests are answered in order") {
    const RunningServer s;
    RawHttpClient client(s.server.port());
    std::string bytes;
    for (int i = 0; i < 20; ++i) {
        bytes += i % 2 == 0 ? "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            : "GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n";
    }
    client.send(bytes);
    for (int i = 0; i < 20; ++i) {
        REQUIRE(client.read_answer().status == (i % 2 == 0 ? 200 : 404));
    }
}

TEST_CASE("a request is understood however it is cut") {
    const RunningServer s;
    const std::string request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    RawHttpClient client(s.server.port());
    for (std::size_t cut = 1; cut < request.size(); ++cut) {
        client.send(request.substr(0, cut));
        client.send(request.substr(cut));
        REQUIRE(client.read_answer().status == 200);
    }
}

TEST_CASE("an upgrade, HTTP/1.0 and Connection: close are answered and then closed") {
    const RunningServer s;
    for (const std::string& extra :
         {std::string("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
          std::string("GET /healthz HTTP/1.0\r\n\r\n"),
          std::string("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")}) {
        RawHttpClient client(s.server.port());
        client.send(extra);
        REQUIRE(client.read_answer().status == 200);
        REQUIRE(client.ends());
    }
}

TEST_CASE("a client that resets in mid-answer harms nobody") {
    RunningServer s;
    s.run.write("big.bin", std::string(24UL << 20U, 'b'));
    s.run.finish();
    for (int i = 0; i < 20; ++i) {
        RawHttpClient client(s.server.port());
        client.request("GET", "/api/results/files/big.bin");
        REQUIRE_FALSE(client.read_some().empty());
        client.close();
    }
    REQUIRE(s.get("/healthz").status == 200);
}

TEST_CASE("a server that ran out of descriptors accepts again when there are some") {
    const RunningServer s;
    rlimit old{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
    RawHttpClient waiting(s.server.port());
    REQUIRE(waiting.get("/healthz").status == 200);
    RawHttpClient late(s.server.port());
    // The descriptor of the next accept would be beyond the limit.
    const int next = ::dup(0);
    ::close(next);
    rlimit none = old;
    none.rlim_cur = static_cast<rlim_t>(next);
    RawHttpClient later(s.server.port());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    late.request("GET", "/healthz");
    later.request("GET", "/healthz");
    REQUIRE(waiting.get("/healthz").status == 200);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &old) == 0);
    REQUIRE(late.read_answer().status == 200);
    REQUIRE(later.read_answer().status == 200);
    REQUIRE(s.get("/healthz").status == 200);
}
