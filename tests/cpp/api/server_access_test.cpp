#include "aiperf/base/error.hpp"
#include "listener.hpp"
#include "server_fixture.hpp"

#include <filesystem>
#include <fstream>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace aiperf;
using namespace std::chrono_literals;
using api::ServerOptions;
using test::RawAnswer;
using test::RawHttpClient;
using test::RunningServer;

namespace {

ServerOptions with_token() {
    ServerOptions options;
    options.access.token = "open-sesame";
    return options;
}

ServerOptions on_socket(const std::filesystem::path& path, bool tcp = false) {
    ServerOptions options;
    options.access.socket = path;
    options.access.tcp = tcp;
    return options;
}

api::Descriptor connect_to(const std::filesystem::path& path) {
    api::Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? std::move(fd)
                                                                                                 : api::Descriptor();
}

/// What is said over a Unix socket to one request that ends the connection; empty: nobody listens.
std::string ask(const std::filesystem::path& path, const std::string& target) {
    const api::Descriptor fd = connect_to(path);
    if (fd.get() < 0) {
        return {};
    }
    const std::string request = "GET " + target + " HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n";
    static_cast<void>(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL));
    std::string text(1 << 16, '\0');
    std::size_t size = 0;
    for (ssize_t got = 1; got > 0 && size < text.size(); size += static_cast<std::size_t>(std::max<ssize_t>(got, 0))) {
        got = ::recv(fd.get(), text.data() + size, text.size() - size, 0);
    }
    text.resize(size);
    return text;
}

std::string refusal(const ServerOptions& options) {
    const test::ApiRun run;
    api::RunState state{run.facts()};
    api::Server server(state, options);
    try {
        server.start();
    } catch (const base::RunError& error) {
        return error.what();
    }
    return "listens";
}

}  // namespace

TEST_CASE("without the token a client gets nothing but the probes, and keeps its connection") {
    RunningServer s(with_token());
    RawHttpClient client(s.server.port());
    const RawAnswer refused = client.get("/api/results");
    CHECK(refused.status == 401);
    CHECK(refused.header("www-authenticate") == "Bearer realm=\"aiperf\"");
    CHECK(refused.body.find("sesame") == std::string::npos);
    CHECK(client.get("/healthz").status == 200);
    client.request("GET", "/api/results", {}, "Authorization: Bearer open-sesame\r\n");
    CHECK(client.read_answer().status == 200);
    client.request("GET", "/api/results", {}, "Authorization: Bearer open-sesamE\r\n");
    CHECK(client.read_answer().status == 401);
    client.request("HEAD", "/api/results");
    CHECK(client.read_answer(true).status == 401);
}

TEST_CASE("a request for another host, or for none, is refused whatever it asks for") {
    RunningServer s;
    RawHttpClient client(s.server.port());
    client.send("GET /api/results HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    CHECK(client.read_answer().status == 403);
    client.send("GET /api/results HTTP/1.1\r\n\r\n");
    CHECK(client.read_answer().status == 400);
    client.send("GET /api/results HTTP/1.0\r\n\r\n");
    CHECK(client.read_answer().status == 200);
}

TEST_CASE("a page elsewhere cannot end the server, and reads only what it may") {
    ServerOptions options;
    options.access.cors_origins = {"https://ui.example"};
    bool asked = false;
    options.on_shutdown_request = [&] { return asked = true; };
    RunningServer s(options);
    s.run.finish();
    RawHttpClient client(s.server.port());
    client.request("POST", "/api/shutdown", {}, "Origin: https://evil.example\r\n");
    CHECK(client.read_answer().status == 403);
    CHECK_FALSE(asked);
    client.request("GET", "/api/results", {}, "Origin: https://evil.example\r\n");
    CHECK_FALSE(client.read_answer().header("access-control-allow-origin"));
    client.request("GET", "/api/results", {}, "Origin: https://ui.example\r\n");
    CHECK(client.read_answer().header("access-control-allow-origin") == "https://ui.example");
    client.request(
        "OPTIONS", "/api/shutdown", {}, "Origin: https://ui.example\r\nAccess-Control-Request-Method: POST\r\n");
    const RawAnswer preflight = client.read_answer();
    CHECK(preflight.status == 200);
    CHECK(preflight.header("access-control-allow-origin") == "https://ui.example");
    client.request("POST", "/api/shutdown", {}, "Origin: https://ui.example\r\n");
    CHECK(client.read_answer().status == 200);
    CHECK(asked);
}

TEST_CASE("a Unix socket serves this user alone, without a token, beside the port or instead of it") {
    const bool tcp = GENERATE(true, false);
    const test::TemporaryDirectory directory;
    const auto path = directory.path() / "api.sock";
    ServerOptions options = on_socket(path, tcp);
    options.access.token = "open-sesame";
    {
        RunningServer s(options);

        struct stat found {};

        REQUIRE(::lstat(path.c_str(), &found) == 0);
        CHECK((found.st_mode & 0777U) == 0600U);
        CHECK((s.server.url() == "unix://" + path.string()) == !tcp);
        CHECK((s.server.port() == 0) == !tcp);
        CHECK_THAT(ask(path, "/api/results"), Catch::StartsWith("HTTP/1.1 200"));
        s.run.write("big.txt", std::string(3'000'000, 'b'));
        s.run.finish();
        CHECK_THAT(ask(path, "/api/results?wait=9"), Catch::Contains("\"status\":\"complete\""));
        CHECK_THAT(ask(path, "/api/results/files/profile_export.jsonl"), Catch::EndsWith("{}\n{}\n"));
        CHECK(s.server.audience().clients == 1);
        CHECK(s.server.audience().unread == 0);
        if (tcp) {
            CHECK(s.get("/api/results").status == 401);
        }
    }
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK(ask(path, "/healthz").empty());
}

TEST_CASE("a socket that a server has left behind is replaced, one that somebody listens on is not") {
    const test::TemporaryDirectory directory;
    const auto path = directory.path() / "api.sock";
    {
        api::SocketFile left(path);
        std::filesystem::rename(path, directory.path() / "kept");  // not taken away
    }
    std::filesystem::rename(directory.path() / "kept", path);
    REQUIRE(std::filesystem::is_socket(path));
    RunningServer s(on_socket(path));
    CHECK_THAT(refusal(on_socket(path)), Catch::Contains(path.string() + ": Address already in use"));
    CHECK_THAT(ask(path, "/healthz"), Catch::StartsWith("HTTP/1.1 200"));
}

TEST_CASE("what is no socket stays, and a path that is too long or leads nowhere is told") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "file";
    std::ofstream(file) << "precious";
    CHECK_THAT(refusal(on_socket(file)), Catch::Contains("is no socket"));
    CHECK(std::filesystem::file_size(file) == 8);
    CHECK_THAT(refusal(on_socket(directory.path() / std::string(200, 'x'))), Catch::Contains("at most 107 bytes"));
    CHECK_THAT(refusal(on_socket(directory.path() / "no" / "api.sock")), Catch::Contains("No such file or directory"));
}

TEST_CASE("a socket somebody else has put in the place of the server's own is left alone") {
    const test::TemporaryDirectory directory;
    const auto path = directory.path() / "api.sock";
    std::optional<RunningServer> first;
    first.emplace(on_socket(path));
    std::filesystem::remove(path);
    RunningServer second(on_socket(path));
    first.reset();
    CHECK_THAT(ask(path, "/healthz"), Catch::StartsWith("HTTP/1.1 200"));
}

TEST_CASE("who asks over a Unix socket in the last moment is answered") {
    const test::TemporaryDirectory directory;
    const auto path = directory.path() / "api.sock";
    for (int round = 0; round < 20; ++round) {
        RunningServer s(on_socket(path));
        s.run.finish();
        const api::Descriptor client = connect_to(path);
        REQUIRE(client.get() >= 0);
        const std::string request = "GET /api/results HTTP/1.1\r\nHost: a\r\n\r\n";
        REQUIRE(::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0);
        s.server.close();
        char head[15] = {};
        REQUIRE(::recv(client.get(), head, sizeof head, MSG_WAITALL) == sizeof head);
        CHECK(std::string(head, sizeof head) == "HTTP/1.1 200 OK");
    }
}

TEST_CASE("who has asked and who knows is told by their names, or by address and program") {
    RunningServer s;
    RawHttpClient client(s.server.port());
    client.request("GET", "/api/results", {}, "User-Agent: a\r\n");
    static_cast<void>(client.read_answer());
    client.request("GET", "/api/results", {}, "User-Agent: b\r\n");
    static_cast<void>(client.read_answer());
    client.request("GET", "/api/results", {}, "User-Agent: b\r\nX-AIPerf-Client: me\r\n");
    static_cast<void>(client.read_answer());
    CHECK(s.server.audience().clients == 3);
    CHECK(s.server.audience().unread == 3);
    s.run.finish();
    client.request("GET", "/api/results", {}, "User-Agent: c\r\nX-AIPerf-Client: me\r\n");
    static_cast<void>(client.read_answer());
    client.request("HEAD", "/api/results", {}, "User-Agent: a\r\n");  // tells nothing
    static_cast<void>(client.read_answer(true));
    CHECK(s.server.audience().clients == 3);
    CHECK(s.server.audience().unread == 2);
    const std::string etag = s.get("/api/results").header("etag").value_or("");  // a fourth
    client.request("GET", "/api/results", {}, "User-Agent: b\r\nIf-None-Match: " + etag + "\r\n");
    CHECK(client.read_answer(true).status == 304);
    CHECK(s.server.audience().unread == 1);
    CHECK(s.server.audience().clients == 4);
}

TEST_CASE("a certificate that cannot be used is told by setting and file") {
    const test::TemporaryDirectory directory;
    ServerOptions options;
    options.access.tls_certificate = directory.path() / "none.pem";
    CHECK_THAT(refusal(options),
               Catch::StartsWith("AIPERF_API_SERVER_TLS_CERT: '") && Catch::Contains("No such file or directory"));
    std::ofstream(directory.path() / "bad.pem") << "nothing\n";
    options.access.tls_certificate = directory.path() / "bad.pem";
    CHECK_THAT(refusal(options), Catch::StartsWith("AIPERF_API_SERVER_TLS_CERT: '"));
}
