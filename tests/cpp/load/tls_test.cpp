#include "aiperf/load/tls.hpp"

#include "aiperf/base/error.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace aiperf;  // NOLINT: a test
using load::TlsContext;
using load::TlsOptions;
using load::TlsSession;
using Outcome = TlsSession::Outcome;

namespace {

/// The first flight of a handshake with `host`.
std::string hello_to(const std::string& host, config::HttpVersion offer) {
    TlsContext context{TlsOptions{}};
    TlsSession session(context, host, 0, offer);
    CHECK(session.handshake() == Outcome::more);
    return session.output();
}

std::string refusal(const TlsOptions& options) {
    try {
        const TlsContext context(options);
    } catch (const base::RunError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("A handshake names the host, but no address, and offers what was asked for") {
    using config::HttpVersion;
    const std::string plain = hello_to("name.test", HttpVersion::v1_1);
    CHECK(plain.find("name.test") != std::string::npos);
    CHECK(plain.find("http/1.1") != std::string::npos);
    CHECK(plain.find("\x02h2") == std::string::npos);
    const std::string both = hello_to("name.test", HttpVersion::automatic);
    CHECK(both.find("\x02h2\x08http/1.1") != std::string::npos);
    const std::string second = hello_to("127.0.0.1", HttpVersion::v2);
    CHECK(second.find("127.0.0.1") == std::string::npos);
    CHECK(second.find("\x02h2") != std::string::npos);
    CHECK(second.find("http/1.1") == std::string::npos);
}

TEST_CASE("Files that are not there are named with their option") {
    TlsOptions options;
    options.ca_file = "/nowhere/ca.pem";
    CHECK(refusal(options) == "--tls-ca-file: '/nowhere/ca.pem' cannot be used: No such file or directory");
    options = {};
    options.certificate = "/nowhere/client.pem";
    CHECK(refusal(options) == "--tls-certificate: '/nowhere/client.pem' cannot be used: No such file or directory");
    CHECK(refusal({}) == "accepted");
}

TEST_CASE("A server that speaks plainly is told as such, however its words are cut") {
    const std::string words = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    for (std::size_t step = 1; step <= words.size(); ++step) {
        TlsContext context{TlsOptions{}};
        TlsSession session(context, "name.test", 0, config::HttpVersion::v1_1);
        Outcome outcome = session.handshake();
        for (std::size_t at = 0; at < words.size() && outcome == Outcome::more; at += step) {
            session.give(words.data() + at, std::min(step, words.size() - at));
            outcome = session.handshake();
        }
        CAPTURE(step);
        CHECK(outcome == Outcome::failed);
        CHECK_THAT(session.error(), Catch::Contains("the server does not speak TLS there"));
        CHECK(!session.bad_certificate());
    }
}

TEST_CASE("A handshake that waits for bytes waits without harm, and can be dropped at any time") {
    TlsContext context{TlsOptions{}};
    TlsSession session(context, "name.test", 0, config::HttpVersion::v1_1);
    CHECK(session.handshake() == Outcome::more);
    CHECK(session.handshake() == Outcome::more);
    session.close();
    CHECK(!session.resumed());
    CHECK(session.protocol().empty());
}
