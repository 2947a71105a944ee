#include "aiperf/mock/server.hpp"
#include "raw_http_client.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

using namespace aiperf;
using aiperf::test::RawAnswer;
using aiperf::test::RawHttpClient;

namespace {

constexpr std::chrono::seconds k_hang{20};

const std::string k_body = R"({"model":"m","max_tokens":3,"messages":[]})";

std::string post_bytes(const std::string& body, const std::string& headers = "", const char* version = "HTTP/1.1") {
    return std::string("POST /v1/chat/completions ") + version + "\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string chunked_bytes(const std::string& body, std::size_t chunk) {
    std::string bytes = "POST /v1/chat/completions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += chunk) {
        const std::string part = body.substr(at, chunk);
        char size[20];
        std::snprintf(size, sizeof size, "%zx\r\n", part.size());
        bytes += size + part + "\r\n";
    }
    return bytes + "0\r\n\r\n";
}

}  // namespace

TEST_CASE("requests written ahead are answered one after the other, on one connection") {
    mock::Server server{mock::Options{}};
    RawHttpClient client(server.port());
    client.send(post_bytes(k_body) + "GET /health HTTP/1.1\r\n\r\n" + chunked_bytes(k_body, 7) +
                "GET /v1/models HTTP/1.1\r\n\r\n");
    CHECK_THAT(client.read_answer().body, Catch::Contains("chat.completion"));
    CHECK(client.read_answer().body == R"({"status":"ok"})");
    CHECK_THAT(client.read_answer().body, Catch::Contains("chat.completion"));
    CHECK_THAT(client.read_answer().body, Catch::Contains("mock-model"));
    server.stop();
    CHECK(server.counters().connections == 1);
    CHECK(server.counters().answered == 4);
}

TEST_CASE("a request written byte by byte is answered like one written at once") {
    mock::Server server{mock::Options{}};
    RawHttpClient whole(server.port());
    whole.send(chunked_bytes(k_body, 5));
    const std::string expected = whole.read_answer().body;
    RawHttpClient client(server.port());
    for (const char byte : chunked_bytes(k_body, 5)) {
        client.send(std::string(1, byte));
    }
    CHECK(client.read_answer().body == expected);
}

TEST_CASE("a client that waits for 100 Continue gets it before it sends the body") {
    mock::Server server{mock::Options{}};
    RawHttpClient client(server.port());
    client.send("POST /v1/completions HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 14\r\n\r\n");
    CHECK(client.read_answer().status == 100);
    client.send(R"({"prompt":"a"})");
    CHECK(client.read_answer().status == 200);
}

TEST_CASE("a body of tens of megabytes arrives whole") {
    mock::Server server{mock::Options{}};
    const std::string body = R"({"max_tokens":2,"prompt":")" + std::string(40U << 20U, 'x') + R"("})";
    for (const std::string& bytes : {post_bytes(body), chunked_bytes(body, 1U << 20U)}) {
        RawHttpClient client(server.port());
        client.send(bytes);
        CHECK_THAT(client.read_answer().body, Catch::Contains("\"prompt_tokens\":10485760,"));
    }
    CHECK(server.received().at(1).body == body);
}

TEST_CASE("what cannot be read is answered with its status, and the connection is closed after it") {
    mock::Options options;
    options.max_body_bytes = 100;
    mock::Server server(options);
    const auto status_of = [&](const std::string& bytes) {
        RawHttpClient client(server.port());
        client.send(bytes);
        const RawAnswer answer = client.read_answer();
        CHECK(answer.header("connection") == "close");
        CHECK(client.ends());
        CHECK_FALSE(client.was_reset());
        return answer.status;
    };
    CHECK(status_of("nonsense\r\n\r\n") == 400);
    CHECK(status_of("GET / HTTP/1.1\r\nA: " + std::string(70000, 'x') + "\r\n\r\n") == 431);
    CHECK(status_of(post_bytes(std::string(101, ' '))) == 413);
    CHECK(status_of("GET / HTTP/3.0\r\n\r\n") == 505);
    CHECK(server.counters().bad_requests == 4);
    CHECK(server.counters().requests == 0);
}

TEST_CASE("HTTP/1.0 is answered and closed, or kept where the client asks for it") {
    mock::Server server{mock::Options{}};
    RawHttpClient closing(server.port());
    closing.send("GET /health HTTP/1.0\r\n\r\n");
    CHECK(closing.read_answer().header("connection") == "close");
    CHECK(closing.ends());
    RawHttpClient kept(server.port());
    kept.send(post_bytes(k_body, "Connection: keep-alive\r\n", "HTTP/1.0"));
    CHECK(kept.read_answer().header("connection") == "keep-alive");
    kept.send("GET /health HTTP/1.0\r\n\r\n");
    CHECK(kept.read_answer().status == 200);
}

TEST_CASE("HEAD is answered without the body") {
    mock::Server server{mock::Options{}};
    RawHttpClient client(server.port());
    client.request("HEAD", "/health");
    const RawAnswer head = client.read_answer(true);
    CHECK(head.header("content-length") == "15");
    CHECK(client.get("/health").body.size() == 15);
}

TEST_CASE("a client that asks for it finds the connection closed after its answer") {
    mock::Server server{mock::Options{}};
    RawHttpClient client(server.port());
    client.send(post_bytes(k_body, "Connection: close\r\n"));
    const RawAnswer answer = client.read_answer();
    CHECK(answer.header("connection") == "close");
    CHECK(answer.complete);
    CHECK(client.ends());
}

TEST_CASE("connections are closed after streams, after each answer or never, announced or not") {
    const std::string stream = R"({"stream":true,"max_tokens":2,"messages":[]})";
    for (const auto mode : {mock::CloseMode::never, mock::CloseMode::after_stream, mock::CloseMode::always}) {
        for (const bool announce : {false, true}) {
            if (mode == mock::CloseMode::never && announce) {
                continue;
            }
            mock::Options options;
            options.close = mode;
            options.announce_close = announce;
            mock::Server server(options);
            for (const bool streams : {true, false}) {
                INFO("mode " << static_cast<int>(mode) << ", announced " << announce << ", stream " << streams);
                RawHttpClient client(server.port());
                const RawAnswer answer = client.post("/v1/chat/completions", streams ? stream : k_body);
                CHECK(answer.complete);
                const bool closes =
                    mode == mock::CloseMode::always || (mode == mock::CloseMode::after_stream && streams);
                CHECK(answer.header("connection").has_value() == (closes && announce));
                if (closes) {
                    CHECK(client.ends());
                } else {
                    CHECK(client.get("/health").status == 200);
                }
            }
        }
    }
}

TEST_CASE("an idle connection is closed after its time, one in use is not") {
    mock::Options options;
    options.idle_timeout = std::chrono::milliseconds(400);
    options.ttft = std::chrono::milliseconds(800);
    mock::Server server(options);
    const auto started = std::chrono::steady_clock::now();
    RawHttpClient client(server.port());
    CHECK(client.post("/v1/chat/completions", k_body).complete);
    CHECK(client.ends());
    CHECK(std::chrono::steady_clock::now() - started >= std::chrono::milliseconds(1200));
    RawHttpClient silent(server.port());
    CHECK(silent.ends());
}

TEST_CASE("a client that hangs up is noticed while its answer waits and while it is sent") {
    mock::Options options;
    options.ttft = std::chrono::hours(1);
    mock::Server waiting(options);
    RawHttpClient early(waiting.port());
    early.request("POST", "/v1/chat/completions", k_body);
    REQUIRE(waiting.wait_arrived(1, k_hang));
    early.close();
    REQUIRE(waiting.wait_over(1, k_hang));
    CHECK(waiting.received().at(0).client_closed_ns.value() >= waiting.received().at(0).arrival_ns);
    CHECK(waiting.received().at(0).sent_ns.empty());

    options.ttft = {};
    options.itl = std::chrono::minutes(10);
    mock::Server sending(options);
    RawHttpClient late(sending.port());
    late.request("POST", "/v1/chat/completions", R"({"stream":true,"messages":[]})");
    CHECK_FALSE(late.read_some().empty());
    late.close();
    REQUIRE(sending.wait_over(1, k_hang));
    CHECK(sending.received().at(0).client_closed_ns.has_value());
    CHECK(sending.counters().client_closed == 1);
}

TEST_CASE("an answer larger than the socket takes is sent as the client reads it") {
    mock::Options options;
    options.output_tokens = 300000;
    mock::Server server(options);
    RawHttpClient client(server.port());
    client.request("POST", "/v1/chat/completions", R"({"stream":true,"messages":[]})");
    REQUIRE(server.wait_arrived(1, k_hang));
    CHECK(server.counters().answered == 0);
    const RawAnswer answer = client.read_answer();
    CHECK(answer.complete);
    CHECK(answer.chunks.size() == 300000 + 3);
    CHECK(client.get("/health").status == 200);
}

TEST_CASE("many pipelined requests behind a slow answer are all answered") {
    mock::Options options;
    options.ttft = std::chrono::milliseconds(30);
    mock::Server server(options);
    RawHttpClient client(server.port());
    std::string bytes = post_bytes(k_body);
    constexpr int k_more = 20000;  // 700 kB, more than the server takes ahead
    for (int i = 0; i < k_more; ++i) {
        bytes += "GET /health HTTP/1.1\r\nA: 1234567\r\n\r\n";
    }
    client.send(bytes);
    CHECK_THAT(client.read_answer().body, Catch::Contains("chat.completion"));
    int answered = 0;
    while (answered < k_more && client.read_answer().status == 200) {
        ++answered;
    }
    CHECK(answered == k_more);
}
