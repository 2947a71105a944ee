#include "access.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <string>

using namespace aiperf;
using api::Access;
using api::AccessOptions;
using api::Asking;

namespace {

constexpr const char* k_token = "0123456789abcdef";

AccessOptions with_token(const std::string& token = k_token) {
    AccessOptions options;
    options.token = token;
    return options;
}

AccessOptions with_origins(std::vector<std::string> origins) {
    AccessOptions options;
    options.cors_origins = std::move(origins);
    return options;
}

Asking get(std::string_view target, std::string_view host = "localhost:9090") {
    Asking asking;
    asking.target = target;
    asking.host = host;
    return asking;
}

Asking post(std::string_view target, std::string_view origin) {
    Asking asking = get(target);
    asking.method = "POST";
    asking.origin = origin;
    return asking;
}

/// 0: it may be answered.
int status(const Access& access, const Asking& asking) {
    const auto refusal = access.decide(asking);
    return refusal ? refusal->status : 0;
}

std::map<std::string, std::string> headers(const Access& access, std::string_view origin) {
    std::map<std::string, std::string> named;
    for (const auto& [name, value] : access.answer_headers(origin)) {
        named[name] = value;
    }
    return named;
}

}  // namespace

TEST_CASE("a server on loopback answers to the names of loopback and to its own, so that no page can rebind one") {
    const Access access({}, "bench.internal", true);
    for (const char* const host : {"localhost",
                                   "LOCALHOST:9090",
                                   "localhost.:9090",
                                   "app.localhost:1",
                                   "127.0.0.1:9090",
                                   "127.200.3.4",
                                   "[::1]:9090",
                                   "[::1]",
                                   "bench.internal:9090",
                                   "Bench.Internal"}) {
        CAPTURE(host);
        CHECK(status(access, get("/api/results", host)) == 0);
    }
    for (const char* const host : {"evil.example",
                                   "evil.example:9090",
                                   "localhost.evil.example",
                                   "127.0.0.1.evil.example",
                                   "1270.0.0.1",
                                   "128.0.0.1",
                                   "[::2]:9090",
                                   "[::1",
                                   "",
                                   ":9090",
                                   "x"}) {
        CAPTURE(host);
        const auto refusal = access.decide(get("/healthz", host));
        REQUIRE(refusal);
        CHECK(refusal->status == 403);
    }
}

TEST_CASE("where others can reach the server, or a token is wanted, any name may be its own") {
    CHECK(status(Access({}, "0.0.0.0", false), get("/api/results", "bench.example")) == 0);
    const Access access(with_token(), "127.0.0.1", true);
    Asking asking = get("/api/results", "proxy.example");
    CHECK(status(access, asking) == 401);
    asking.authorization = "Bearer 0123456789abcdef";
    CHECK(status(access, asking) == 0);
}

TEST_CASE("a request of HTTP/1.1 names its host, one of HTTP/1.0 need not") {
    const Access access({}, "127.0.0.1", true);
    Asking asking = get("/api/results");
    asking.host.reset();
    CHECK(status(access, asking) == 400);
    asking.has_to_name_host = false;
    CHECK(status(access, asking) == 0);
}

TEST_CASE("over the Unix socket neither name nor token is wanted") {
    const Access access(with_token(), "127.0.0.1", true);
    Asking asking = get("/api/results", "anything at all");
    asking.by_socket = true;
    CHECK(status(access, asking) == 0);
    asking.host.reset();
    CHECK(status(access, asking) == 400);
}

TEST_CASE("a token is wanted for everything but the probes, and only the right one will do") {
    const Access access(with_token(), "0.0.0.0", false);
    for (const char* const open :
         {"/healthz", "/readyz", "/readyz?x=1", "http://h/healthz", "/docs", "/openapi.json"}) {
        CHECK(status(access, get(open)) == 0);
    }
    for (const char* const closed :
         {"/", "/api/results", "/api/shutdown", "/metrics", "/nope", "/ws", "/healthz/", ""}) {
        CAPTURE(closed);
        const auto refusal = access.decide(get(closed));
        REQUIRE(refusal);
        CHECK(refusal->status == 401);
        REQUIRE(refusal->headers.size() == 1);
        CHECK(refusal->headers[0].first == "WWW-Authenticate");
        CHECK(refusal->headers[0].second.starts_with("Bearer"));
        CHECK(refusal->detail.find(k_token) == std::string::npos);
    }
    const auto with = [&](std::string_view authorization) {
        Asking asking = get("/api/results");
        asking.authorization = authorization;
        return status(access, asking);
    };
    CHECK(with("Bearer 0123456789abcdef") == 0);
    CHECK(with("bearer  0123456789abcdef ") == 0);
    for (const char* const wrong : {"Bearer",
                                    "Bearer ",
                                    "Bearer 0123456789abcde",
                                    "Bearer 0123456789abcdeg",
                                    "Bearer 0123456789abcdef0",
                                    "Bearer 0123456789ABCDEF",
                                    "0123456789abcdef",
                                    "Basic 0123456789abcdef",
                                    "Bearer0123456789abcdef"}) {
        CAPTURE(wrong);
        CHECK(with(wrong) == 401);
    }
}

TEST_CASE("a token may stand in the query of the two routes that browsers open without headers, and nowhere else") {
    const Access access(with_token("a+b/c=="), "0.0.0.0", false);
    CHECK(status(access, get("/ws?token=a%2Bb%2Fc%3D%3D")) == 0);
    CHECK(status(access, get("/api/events?last=1&token=a+b/c==")) == 0);
    CHECK(status(access, get("/api/events?token=a+b/c")) == 401);
    CHECK(status(access, get("/api/events?token=")) == 401);
    CHECK(status(access, get("/api/events?token=%")) == 401);
    CHECK(status(access, get("/api/results?token=a+b/c==")) == 401);
    Asking asking = get("/api/events?token=a+b/c==");
    asking.method = "POST";
    CHECK(status(access, asking) == 401);
    // A header that is there counts, right or wrong.
    asking = get("/ws?token=a+b/c==");
    asking.authorization = "Bearer no";
    CHECK(status(access, asking) == 401);
}

TEST_CASE("the token is taken out of a target that is written down") {
    CHECK(api::without_token("/ws?token=secret") == "/ws");
    CHECK(api::without_token("/ws?a=1&token=secret&b=2") == "/ws?a=1&b=2");
    CHECK(api::without_token("/ws?token=a&token=b&c") == "/ws?c");
    CHECK(api::without_token("/ws?%74oken=secret") == "/ws");
    CHECK(api::without_token("/ws?tokens=x&%") == "/ws?tokens=x&%");
    CHECK(api::without_token("/api/results?wait=3") == "/api/results?wait=3");
    CHECK(api::without_token("/token=x") == "/token=x");
    CHECK(api::without_token("") == "");
}

TEST_CASE("a page of another origin changes nothing and opens no WebSocket, whatever it may read") {
    const Access plain({}, "127.0.0.1", true);
    CHECK(status(plain, post("/api/shutdown", "")) == 0);  // no browser
    CHECK(status(plain, post("/api/shutdown", "http://localhost:9090")) == 0);
    CHECK(status(plain, post("/api/shutdown", "https://LOCALHOST:9090")) == 0);  // TLS ends before the server
    for (const char* const origin :
         {"http://evil.example", "http://localhost", "http://localhost:9091", "null", "localhost:9090", "://"}) {
        CAPTURE(origin);
        CHECK(status(plain, post("/api/shutdown", origin)) == 403);
        Asking socket = get("/ws");
        socket.upgrade = true;
        socket.origin = origin;
        CHECK(status(plain, socket) == 403);
        Asking reading = get("/api/results");
        reading.origin = origin;
        CHECK(status(plain, reading) == 0);  // the browser keeps the answer from the page
    }
    Asking socket = get("/ws");
    socket.upgrade = true;
    socket.origin = "http://localhost:9090";
    CHECK(status(plain, socket) == 0);

    const Access named(with_origins({"https://ui.example"}), "127.0.0.1", true);
    CHECK(status(named, post("/api/shutdown", "https://ui.example")) == 0);
    CHECK(status(named, post("/api/shutdown", "https://ui.example:444")) == 403);

    const Access any(with_origins({"*"}), "127.0.0.1", true);
    socket.origin = "https://evil.example";
    CHECK(status(any, socket) == 0);
    CHECK(status(any, post("/api/shutdown", "https://evil.example")) == 403);
}

TEST_CASE("pages of other origins may read what is allowed to be read: none, some, or all") {
    const Access none({}, "h", false);
    CHECK(headers(none, "https://a.example").empty());
    const Access some(with_origins({"https://a.example", "https://b.example"}), "h", false);
    CHECK(headers(some, "https://a.example").at("Access-Control-Allow-Origin") == "https://a.example");
    CHECK(headers(some, "https://b.example").at("Vary") == "Origin");
    CHECK(headers(some, "https://c.example").count("Access-Control-Allow-Origin") == 0);
    CHECK(headers(some, "").at("Vary") == "Origin");
    const Access all(with_origins({"*"}), "h", false);
    CHECK(headers(all, "https://c.example").at("Access-Control-Allow-Origin") == "*");
    CHECK(headers(all, "").empty());
}

TEST_CASE("a browser that asks first is told, without a token, what a page may do") {
    AccessOptions options = with_origins({"https://a.example"});
    options.token = k_token;
    const Access access(options, "h", false);
    Asking asking = get("/api/results");
    asking.method = "OPTIONS";
    asking.origin = "https://a.example";
    asking.preflight_method = "GET";
    const auto answer = access.decide(asking);
    REQUIRE(answer);
    CHECK(answer->status == 200);
    std::string allowed;
    for (const auto& [name, value] : answer->headers) {
        allowed += name + ": " + value + "\n";
    }
    CHECK_THAT(allowed, Catch::Contains("Access-Control-Allow-Headers: Authorization,"));
    CHECK_THAT(allowed, Catch::Contains("Access-Control-Allow-Methods: GET, HEAD, POST"));
    asking.origin = "https://c.example";
    CHECK(status(access, asking) == 403);
    asking.preflight_method = "";
    CHECK(status(access, asking) == 401);  // no question of a browser's: as any other request
    const Access none({}, "h", false);
    CHECK(status(none, asking) == 0);  // the routes know no OPTIONS
}

TEST_CASE("tokens that are made are long, differ, and can stand anywhere") {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const std::string token = api::make_token();
        CHECK(token.size() == 40);
        CHECK(token.find_first_not_of("0123456789abcdef") == std::string::npos);
        CHECK(api::is_token(token));
        CHECK(seen.insert(token).second);
    }
    for (const char* const bad : {"", "a b", "a\n", "\x7f", "\xc3\xa9", " a"}) {
        CHECK_FALSE(api::is_token(bad));
    }
}
