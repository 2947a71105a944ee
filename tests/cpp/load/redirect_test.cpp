#include "aiperf/load/redirect.hpp"

#include "fed_answer.hpp"
#include "load_run.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace aiperf;  // NOLINT: a test

namespace {

const std::string k_from = "http://127.0.0.1:8000";

/// A request to the first of two known targets, answered by a redirect.
struct Redirected {
    load::LoadPlan plan;
    load::Exchange exchange;
    record::Record record;
    std::string why_not;

    Redirected(int status, const std::string& location, std::uint32_t limit = 5) {
        plan.targets = {test::target_on(8000), test::target_on(9000)};
        plan.redirects = limit;
        exchange.record = &record;
        exchange.head =
            "POST /v1/chat?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nAuthorization: Bearer s3\r\nCookie: c=1\r\n"
            "X-Trace: t\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n";
        exchange.body = "{}";
        exchange.answer.begin(record, true);
        std::string bytes = "HTTP/1.1 " + std::to_string(status) + " Elsewhere\r\nLocation: " + location +
                            "\r\nContent-Length: 0\r\n\r\n";
        const std::size_t size = bytes.size();
        bytes.append(http::SseParser::k_padding, '\0');
        const auto reader = endpoint::endpoint_of(config::EndpointType::chat).reader();
        exchange.answer.feed(bytes.data(), size, 1, *reader);
        why_not = follow_redirect(exchange, plan);
    }

    [[nodiscard]] std::string line() const { return exchange.head.substr(0, exchange.head.find('\r')); }

    [[nodiscard]] bool has(const std::string& text) const { return exchange.head.find(text) != std::string::npos; }
};

}  // namespace

TEST_CASE("307 and 308 repeat the request with its body and all its headers") {
    for (const int status : {307, 308}) {
        const Redirected hop(status, "/v2/chat");
        CHECK(hop.why_not.empty());
        CHECK(hop.line() == "POST /v2/chat HTTP/1.1");
        CHECK(hop.exchange.body == "{}");
        CHECK(hop.has("Authorization: Bearer s3\r\n"));
        CHECK(hop.has("Content-Length: 2\r\n\r\n"));
        CHECK(hop.exchange.target == 0);
    }
}

TEST_CASE("301, 302 and 303 ask by GET, without a body and what describes it") {
    for (const int status : {301, 302, 303}) {
        const Redirected hop(status, "/v2/chat");
        CHECK(hop.why_not.empty());
        CHECK(hop.line() == "GET /v2/chat HTTP/1.1");
        CHECK(hop.exchange.body.empty());
        CHECK(!hop.has("Content-"));
        CHECK(hop.has("X-Trace: t\r\n"));
        CHECK(hop.exchange.head.ends_with("\r\n\r\n"));
    }
}

TEST_CASE("Places are named in many ways") {
    CHECK(Redirected(307, "other").line() == "POST /v1/other HTTP/1.1");
    CHECK(Redirected(307, "?y=2").line() == "POST /v1/chat?y=2 HTTP/1.1");
    CHECK(Redirected(307, "/a#part").line() == "POST /a HTTP/1.1");
    CHECK(Redirected(307, "//127.0.0.1:8000/b").line() == "POST /b HTTP/1.1");
    CHECK(Redirected(307, k_from + "/c?d").line() == "POST /c?d HTTP/1.1");
    CHECK(Redirected(307, k_from).line() == "POST / HTTP/1.1");
    CHECK(Redirected(307, "/go?to=http://x/").line() == "POST /go?to=http://x/ HTTP/1.1");
}

TEST_CASE("To another of the run's addresses no credentials are taken along") {
    const Redirected hop(307, "http://127.0.0.1:9000/v1/chat");
    CHECK(hop.why_not.empty());
    CHECK(hop.exchange.target == 1);
    CHECK(hop.has("Host: 127.0.0.1:9000\r\n"));
    CHECK(!hop.has("Authorization"));
    CHECK(!hop.has("Cookie"));
    CHECK(hop.has("X-Trace: t\r\n"));
}

TEST_CASE("What is not followed says why, and the request stays as it was") {
    const auto check = [](const Redirected& hop, const std::string& reason) {
        CHECK_THAT(hop.why_not, Catch::Contains(reason));
        CHECK(hop.line() == "POST /v1/chat?x=1 HTTP/1.1");
        CHECK(hop.exchange.hops == 0);
    };
    check(Redirected(307, "/x", 0), "--follow-redirects");
    check(Redirected(307, "http://elsewhere/x"), "only this server and the other addresses of --url");
    check(Redirected(307, "https://127.0.0.1:8000/x"), "only this server");
    check(Redirected(307, "ftp://h/x"), "no address to go to");
    check(Redirected(307, "http://h:99999/x"), "no address to go to");
    check(Redirected(307, "/a b"), "no address to go to");
}
