#include "aiperf/mock/request_parser.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace aiperf::mock;
using Status = RequestParser::Status;

namespace {

const std::string k_sized =
    "POST /v1/chat/completions?x=1 HTTP/1.1\r\nHost: h:1\r\ncontent-LENGTH:  4 \r\nX-Request-ID: abc\r\n\r\nbody";
const std::string k_chunked =
    "\r\nPOST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    "3;name=value\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";
const std::string k_bare_lf = "GET http://host:80/health?q HTTP/1.0\nA: b\n\n";

ParserLimits keeping_headers() {
    ParserLimits limits;
    limits.keep_headers = true;
    return limits;
}

void check_sized(const RequestParser& parser) {
    const Request& request = parser.request();
    CHECK(request.method == "POST");
    CHECK(request.target == "/v1/chat/completions?x=1");
    CHECK(request.path == "/v1/chat/completions");
    CHECK(request.body == "body");
    CHECK(request.keep_alive);
    CHECK_FALSE(request.legacy);
    REQUIRE(request.headers.size() == 3);
    CHECK(request.headers[1].first == "content-LENGTH");
    CHECK(request.headers[1].second == "4");
    CHECK(request.headers[2].second == "abc");
}

void check_chunked(const RequestParser& parser) {
    CHECK(parser.request().body == "abc0123456789");
    CHECK_FALSE(parser.request().keep_alive);
}

void check_bare_lf(const RequestParser& parser) {
    CHECK(parser.request().path == "/health");
    CHECK(parser.request().target == "http://host:80/health?q");
    CHECK(parser.request().legacy);
    CHECK_FALSE(parser.request().keep_alive);
    CHECK(parser.request().body.empty());
}

/// Feeds `bytes` in pieces that end at the given places, each time from a fresh copy as after a reallocation.
void check_pieces(const std::string& bytes, const std::vector<std::size_t>& ends, void (*check)(const RequestParser&)) {
    RequestParser parser(keeping_headers());
    std::string seen;
    std::string copy;
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
        seen += bytes.substr(begin, end - begin);
        begin = end;
        copy = seen;
        const Status status = parser.advance(copy.data(), copy.size());
        seen = copy;  // chunked bodies were joined in place
        REQUIRE(status == (end == bytes.size() ? Status::complete : Status::need_more));
    }
    CHECK(parser.consumed() == bytes.size());
    check(parser);
}

void check_every_cut(const std::string& bytes, void (*check)(const RequestParser&)) {
    check_pieces(bytes, {bytes.size()}, check);
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        INFO("cut at " << cut);
        check_pieces(bytes, {cut, bytes.size()}, check);
    }
    std::vector<std::size_t> single;
    for (std::size_t end = 1; end <= bytes.size(); ++end) {
        single.push_back(end);
    }
    check_pieces(bytes, single, check);
}

std::uint16_t refusal(std::string bytes, ParserLimits limits = {}) {
    RequestParser parser(limits);
    REQUIRE(parser.advance(bytes.data(), bytes.size()) == Status::failed);
    CHECK_FALSE(parser.error_message().empty());
    REQUIRE(parser.advance(bytes.data(), bytes.size()) == Status::failed);
    return parser.error_status();
}

}  // namespace

TEST_CASE("a request with a length reads the same whole and cut anywhere") {
    check_every_cut(k_sized, check_sized);
}

TEST_CASE("a chunked request reads the same whole and cut anywhere") {
    check_every_cut(k_chunked, check_chunked);
}

TEST_CASE("bare line feeds, HTTP/1.0 and an absolute target read the same whole and cut anywhere") {
    check_every_cut(k_bare_lf, check_bare_lf);
}

TEST_CASE("a following request stays behind the consumed bytes") {
    std::string bytes = k_sized + k_bare_lf;
    RequestParser parser(keeping_headers());
    REQUIRE(parser.advance(bytes.data(), bytes.size()) == Status::complete);
    REQUIRE(parser.consumed() == k_sized.size());
    check_sized(parser);
    const std::size_t consumed = parser.consumed();
    parser.reset();
    REQUIRE(parser.advance(bytes.data() + consumed, bytes.size() - consumed) == Status::complete);
    check_bare_lf(parser);
}

TEST_CASE("the wish for 100 Continue is told once, and only while the body is missing") {
    std::string head = "POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
    RequestParser parser{ParserLimits{}};
    REQUIRE(parser.advance(head.data(), head.size()) == Status::need_more);
    CHECK(parser.take_expect_continue());
    CHECK_FALSE(parser.take_expect_continue());
    std::string whole = head + "ab";
    REQUIRE(parser.advance(whole.data(), whole.size()) == Status::complete);
    parser.reset();
    REQUIRE(parser.advance(whole.data(), whole.size()) == Status::complete);
    CHECK_FALSE(parser.take_expect_continue());
}

TEST_CASE("requests that cannot be understood are refused with the fitting status") {
    CHECK(refusal("GET\r\n\r\n") == 400);
    CHECK(refusal("GET  HTTP/1.1\r\n\r\n") == 400);
    CHECK(refusal("G(T / HTTP/1.1\r\n\r\n") == 400);
    CHECK(refusal("GET / FTP/1.1\r\n\r\n") == 400);
    CHECK(refusal("GET / HTTP/2.0\r\n\r\n") == 505);
    CHECK(refusal("GET / HTTP/1.1\r\nno colon\r\n\r\n") == 400);
    CHECK(refusal("GET / HTTP/1.1\r\nbad name: x\r\n\r\n") == 400);
    CHECK(refusal("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n") == 400);
    CHECK(refusal("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") == 400);
    CHECK(refusal("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
    CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n") == 501);
    CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n") == 400);
    CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n") == 400);
}

TEST_CASE("requests larger than the limits are refused before they are complete") {
    ParserLimits limits;
    limits.head_bytes = 300;
    limits.body_bytes = 10;
    CHECK(refusal("GET / HTTP/1.1\r\nA: " + std::string(300, 'x'), limits) == 431);
    CHECK(refusal(std::string(400, '\n'), limits) == 431);
    CHECK(refusal("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", limits) == 413);
    CHECK(refusal("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", limits) == 413);
    CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n6\r\n", limits) == 413);
    CHECK(refusal("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", limits) == 413);
}
