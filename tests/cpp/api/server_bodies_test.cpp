#include "decoded.hpp"
#include "server_fixture.hpp"

#include <algorithm>
#include <random>

using namespace aiperf;
using namespace std::chrono_literals;
using api::ServerOptions;
using http::Coding;
using nlohmann::json;
using test::RawAnswer;
using test::RawHttpClient;
using test::RunningServer;

namespace {

constexpr std::size_t k_big = 3'000'001;

struct Fixture {
    RunningServer s;
    std::string text = test::numbered_lines(k_big);

    explicit Fixture(ServerOptions options = {})
        : s(std::move(options)) {
        s.run.write("big.txt", text);
        s.run.finish();
    }

    static RawAnswer ask(RawHttpClient& client, const std::string& target, const std::string& headers) {
        client.request("GET", target, {}, headers);
        return client.read_answer();
    }
};

}  // namespace

TEST_CASE("a compressed file comes in chunks, and the connection goes on") {
    Fixture f;
    RawHttpClient client(f.s.server.port());
    for (const auto& [name, coding] : {std::pair{"gzip", Coding::gzip}, {"zstd", Coding::zstd}}) {
        const RawAnswer answer =
            Fixture::ask(client, "/api/results/files/big.txt", std::string("Accept-Encoding: ") + name + "\r\n");
        CAPTURE(answer.head);
        REQUIRE(answer.complete);
        REQUIRE(answer.header("content-encoding") == name);
        REQUIRE(answer.header("transfer-encoding") == "chunked");
        REQUIRE_FALSE(answer.header("content-length"));
        REQUIRE(answer.chunks.size() > 1);
        REQUIRE(test::decoded(coding, answer.body) == f.text);
    }
    REQUIRE(client.get("/healthz").status == 200);
}

TEST_CASE("HEAD has the headers of GET and no body, whatever the body would be") {
    Fixture f;
    RawHttpClient client(f.s.server.port());
    for (const char* const target : {"/api/results/files/big.txt",
                                     "/api/results/archive",
                                     "/api/results/archive?format=tar.gz",
                                     "/openapi.json",
                                     "/docs",
                                     "/nope",
                                     "/api/results"}) {
        for (const char* const accept : {"", "Accept-Encoding: gzip\r\n"}) {
            client.request("HEAD", target, {}, accept);
            const RawAnswer head = client.read_answer(true);
            const RawAnswer body = Fixture::ask(client, target, accept);
            CAPTURE(target, accept, head.head, body.head);
            REQUIRE(body.complete);
            REQUIRE(head.status == body.status);
            for (const char* const name : {"etag",
                                           "content-type",
                                           "content-encoding",
                                           "content-length",
                                           "vary",
                                           "last-modified",
                                           "accept-ranges"}) {
                REQUIRE(head.header(name) == body.header(name));
            }
        }
    }
}

TEST_CASE("a client of HTTP/1.0 gets no chunks: the end of the connection ends the body") {
    Fixture f;
    RawHttpClient client(f.s.server.port());
    client.send("GET /api/results/files/big.txt HTTP/1.0\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n");
    const RawAnswer answer = client.read_answer();
    REQUIRE_FALSE(answer.header("transfer-encoding"));
    REQUIRE(answer.header("connection") == "close");
    REQUIRE(test::decoded(Coding::gzip, answer.body) == f.text);
}

TEST_CASE("a download is resumed where it broke off") {
    Fixture f;
    RawHttpClient client(f.s.server.port());
    const std::string etag = client.get("/api/results/files/big.txt").header("etag").value();
    const RawAnswer rest =
        Fixture::ask(client, "/api/results/files/big.txt", "Range: bytes=1000000-\r\nIf-Range: " + etag + "\r\n");
    REQUIRE(rest.status == 206);
    REQUIRE(rest.body == f.text.substr(1'000'000));
    REQUIRE(rest.header("content-range") == "bytes 1000000-" + std::to_string(k_big - 1) + "/" + std::to_string(k_big));
    const RawAnswer none = Fixture::ask(client, "/api/results/files/big.txt", "Range: bytes=9000000-\r\n");
    REQUIRE(none.status == 416);
    REQUIRE(json::parse(none.body).contains("detail"));
    REQUIRE(Fixture::ask(client, "/api/results/files/big.txt", "If-None-Match: " + etag + "\r\n").status == 304);
    REQUIRE(client.get("/healthz").status == 200);
}

TEST_CASE("the archive in pieces is the archive, and compressed is the same") {
    Fixture f;
    RawHttpClient client(f.s.server.port());
    const RawAnswer tar = client.get("/api/results/archive");
    REQUIRE(tar.complete);
    REQUIRE(tar.body.find(f.text.substr(k_big - 500)) != std::string::npos);
    REQUIRE(client.get("/api/results/archive").body == tar.body);
    REQUIRE(test::decoded(Coding::gzip, client.get("/api/results/archive?format=tar.gz").body) == tar.body);
    REQUIRE(test::decoded(Coding::zstd, client.get("/api/results/archive?format=tar.zst").body) == tar.body);
    REQUIRE(Fixture::ask(client, "/api/results/archive", "Range: bytes=700-1700000\r\n").body ==
            tar.body.substr(700, 1'700'000 - 700 + 1));
}

TEST_CASE("more than a number of bodies at once are not compressed, and the others are as before") {
    Fixture f;
    std::vector<std::unique_ptr<RawHttpClient>> stuck;
    // As bytes that do not become smaller it does not fit into the buffers of a connection nobody reads.
    std::string noise(16UL << 20U, '\0');
    std::mt19937 random(1);  // NOLINT: the same in every run
    std::generate(noise.begin(), noise.end(), [&] { return static_cast<char>(random()); });
    f.s.run.write("huge.txt", noise);
    int compressed = 0;
    for (int i = 0; i < 20; ++i) {
        stuck.push_back(std::make_unique<RawHttpClient>(f.s.server.port()));
        stuck.back()->request("GET", "/api/results/files/huge.txt", {}, "Accept-Encoding: gzip\r\n");
        // Until the head is there the body may not have been begun.
        std::string head;
        while (head.find("\r\n\r\n") == std::string::npos) {
            head += stuck.back()->read_some();
        }
        compressed += head.find("Content-Encoding: gzip") != std::string::npos ? 1 : 0;
    }
    REQUIRE(compressed == 16);
    REQUIRE(f.s.get("/api/results/archive?format=tar.zst").status == 503);
    REQUIRE(f.s.get("/healthz").status == 200);
    stuck.clear();
}

TEST_CASE("bodies of any number are sent while others are answered") {
    ServerOptions options;
    options.compression.zstd_level = 1;
    Fixture f(std::move(options));
    std::vector<std::unique_ptr<RawHttpClient>> readers;
    for (int i = 0; i < 12; ++i) {
        readers.push_back(std::make_unique<RawHttpClient>(f.s.server.port()));
        readers.back()->request("GET", "/api/results/files/big.txt", {}, i % 2 == 0 ? "Accept-Encoding: zstd\r\n" : "");
    }
    REQUIRE(f.s.get("/healthz").status == 200);
    for (std::size_t i = 0; i < readers.size(); ++i) {
        const RawAnswer answer = readers[i]->read_answer();
        REQUIRE(answer.complete);
        REQUIRE((i % 2 == 0 ? test::decoded(Coding::zstd, answer.body) : answer.body) == f.text);
    }
}

TEST_CASE("an archive whose file changes on its way breaks off, visibly") {
    Fixture f;
    f.s.run.write("a_big.txt", test::numbered_lines(24UL << 20U));
    const std::size_t promised = std::stoul(f.s.head("/api/results/archive").header("content-length").value());
    RawHttpClient client(f.s.server.port());
    client.request("GET", "/api/results/archive");
    std::size_t got = client.read_some().size();
    REQUIRE(got > 0);
    f.s.run.write("big.txt", "changed");
    for (std::string piece = client.read_some(); !piece.empty(); piece = client.read_some()) {
        got += piece.size();
    }
    REQUIRE(got < promised);
    REQUIRE(f.s.get("/healthz").status == 200);
}
