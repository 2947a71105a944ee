#include "aiperf/http/response_parser.hpp"

#include "parsed_answer.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <utility>

using aiperf::http::ParseError;
using aiperf::http::ResponseHead;
using aiperf::http::ResponseParser;
using aiperf::test::Cuts;
using aiperf::test::for_all_cuts;
using aiperf::test::parse;
using aiperf::test::ParsedAnswer;
using State = ResponseParser::State;

namespace {

/// Parses `input` whole, and checks that no way of cutting it makes a difference.
ParsedAnswer parse_all_ways(const std::string& input, bool close = false) {
    const ParsedAnswer whole = parse(input, {}, close);
    ResponseParser served;
    for (const std::size_t length : {input.size(), input.size() - input.size() / 4, input.size()}) {
        const ParsedAnswer again = parse(served, input.substr(0, length), {}, close);
        CHECK((length < input.size() || again == whole));
    }
    for_all_cuts(input.size(), 130, [&](const Cuts& cuts) {
        const ParsedAnswer cut = parse(input, cuts, close);
        if (!(cut == whole)) {
            CAPTURE(input, cuts);
            REQUIRE(cut == whole);
        }
    });
    return whole;
}

void check_good(const std::string& input, const std::string& body, bool close = false) {
    CAPTURE(input);
    const ParsedAnswer answer = parse_all_ways(input, close);
    CHECK(answer.state == State::done);
    CHECK(answer.error == ParseError::none);
    CHECK(answer.body == body);
    CHECK(answer.body_bytes == body.size());
    CHECK(answer.heads.size() == 1);
    CHECK(answer.left.empty());
}

void check_bad(const std::string& input, ParseError error) {
    CAPTURE(input.substr(0, 300));
    const ParsedAnswer answer = parse_all_ways(input);
    CHECK(answer.state == State::failed);
    CHECK(aiperf::http::message(answer.error) == aiperf::http::message(error));
}

std::string with_header(const std::string& line) {
    return "HTTP/1.1 200 OK\r\n" + line + "\r\n\r\nhello";
}

bool keeps_alive(const std::string& head) {
    return parse_all_ways(head + "Content-Length: 0\r\n\r\n").keep_alive;
}

}  // namespace

TEST_CASE("A body of an announced length ends there, and the next bytes are left alone") {
    check_good("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello");
    check_good("HTTP/1.1 200 OK\r\ncONTENT-lENGTH:5\t \r\n\r\nhello", "hello");
    const ParsedAnswer answer = parse_all_ways("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 500");
    CHECK(answer.state == State::done);
    CHECK(answer.body == "hello");
    CHECK(answer.left == "HTTP/1.1 500");
}

TEST_CASE("A body of length 0 is over with its head") {
    const ParsedAnswer answer = parse_all_ways("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nX");
    CHECK(answer.state == State::done);
    CHECK(answer.body.empty());
    CHECK(answer.left == "X");
    CHECK(answer.keep_alive);
}

TEST_CASE("The head tells status, reason and kind of content") {
    const ParsedAnswer answer = parse_all_ways(
        "HTTP/1.1 429 Too Many Requests \r\nContent-Type: Text/Event-Stream ; charset=utf-8\r\nContent-Length: "
        "0\r\n\r\n");
    REQUIRE(answer.heads.size() == 1);
    CHECK(answer.heads[0] == ParsedAnswer::Head{429, "Too Many Requests", true, true});
    CHECK(parse("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").heads.at(0).reason.empty());
    CHECK(parse("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n").heads.at(0).reason.empty());
    CHECK_FALSE(parse("HTTP/1.1 200 OK\r\nContent-Type: text/event-streams\r\nContent-Length: 0\r\n\r\n")
                    .heads[0]
                    .event_stream);
}

TEST_CASE("Chunks are taken out of their coding") {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    check_good(head + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
    check_good(head + "0\r\n\r\n", "");
    check_good(head + "1A\r\nabcdefghijklmnopqrstuvwxyz\r\n000\r\n\r\n", "abcdefghijklmnopqrstuvwxyz");
    check_good(head + "1a \r\nabcdefghijklmnopqrstuvwxyz\r\n0\t\r\n\r\n", "abcdefghijklmnopqrstuvwxyz");
    check_good(head + "2;name=value;\"quo;ted\"\r\nhi\r\n0;last\r\n\r\n", "hi");
    check_good(head + "2\r\nhi\r\n0\r\nTrailer: x\r\nAnother: y\r\n\r\n", "hi");
    check_good("HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\n\r\n2\r\n\r\n\r\n0\r\n\r\n", "\r\n");
    const ParsedAnswer answer = parse_all_ways(head + "1\r\nx\r\n0\r\n\r\nHTTP");
    CHECK(answer.left == "HTTP");
    CHECK(answer.chunked);
    CHECK(answer.keep_alive);
}

TEST_CASE("Chunks without end may carry extensions") {
    std::string input = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::string body;
    while (body.size() < 4096) {  // 80 KiB of extensions, none of them long
        input += "1;signature=0123456789abcdef\r\nx\r\n";
        body += 'x';
    }
    input += "0\r\n\r\n";
    const ParsedAnswer answer = parse(input);
    CHECK(answer.state == State::done);
    CHECK(answer.body == body);
}

TEST_CASE("Malformed chunks are refused") {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const std::string body : {"\r\nx",
                                   "g\r\n",
                                   "-1\r\n",
                                   "0x5\r\nhello\r\n",
                                   " 5\r\nhello",
                                   ";x\r\n",
                                   "5\nhello",
                                   "5\rhello",
                                   "5\r\nhelloX",
                                   "5\r\nhello\n0\r\n\r\n",
                                   "5\r\nhello\rX",
                                   "5;x\nhello",
                                   "5;x\rhello",
                                   "ffffffffffffffff\r\n",
                                   "10000000000000000000000000005\r\nhello",
                                   "0\r\n\rX",
                                   "0\r\n\r\r\n"}) {
        check_bad(head + body, ParseError::bad_chunk);
    }
}

TEST_CASE("Extensions and trailers have a limit") {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const std::string much(ResponseParser::k_head_limit + 1, 'x');
    CHECK(parse(head + "5;" + much).error == ParseError::bad_chunk);
    CHECK(parse(head + "0\r\n" + much).error == ParseError::bad_chunk);
    std::string lines;
    while (lines.size() <= 2 * ResponseParser::k_head_limit) {
        lines += "Trailer: of some length\r\n";
    }
    CHECK(parse(head + "0\r\n" + lines).error == ParseError::bad_chunk);
}

TEST_CASE("Without a length the body ends with the connection") {
    const std::string input = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x\n\n";
    check_good(input, "data: x\n\n", true);
    CHECK(parse(input).state == State::body);
    CHECK_FALSE(parse(input, {}, true).keep_alive);
    check_good("HTTP/1.0 200 OK\r\n\r\n", "", true);
}

TEST_CASE("Interim answers are passed over") {
    const std::string final_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    check_good("HTTP/1.1 100 Continue\r\n\r\n" + final_answer, "hi");
    check_good(
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 7\r\n\r\nHTTP/1.1 100 C\r\n\r\n" + final_answer,
        "hi");
    CHECK(parse_all_ways("HTTP/1.1 100 Continue\r\n\r\n").state == State::head);
    CHECK(parse("HTTP/1.1 100 Continue\r\n\r\n", {}, true).error == ParseError::truncated);
    check_bad("HTTP/1.1 101 Switching Protocols\r\n\r\n", ParseError::bad_status_line);
}

TEST_CASE("204 and 304 have no body whatever their head says") {
    for (const std::string status : {"204 No Content", "304 Not Modified"}) {
        for (const std::string length : {"", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
            const ParsedAnswer answer = parse_all_ways("HTTP/1.1 " + status + "\r\n" + length + "\r\nHTTP");
            CHECK(answer.state == State::done);
            CHECK(answer.body.empty());
            CHECK(answer.left == "HTTP");
            CHECK(answer.keep_alive);
        }
    }
}

TEST_CASE("A connection is kept where the server lets it") {
    CHECK(keeps_alive("HTTP/1.1 200 OK\r\n"));
    CHECK(keeps_alive("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n"));
    CHECK(keeps_alive("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n"));
    CHECK(keeps_alive("HTTP/1.1 200 OK\r\nConnection: upgrade\r\n"));
    CHECK_FALSE(keeps_alive("HTTP/1.0 200 OK\r\n"));
    CHECK_FALSE(keeps_alive("HTTP/1.1 200 OK\r\nConnection: close\r\n"));
    CHECK_FALSE(keeps_alive("HTTP/1.1 200 OK\r\nCONNECTION: CLOSE\r\n"));
    CHECK_FALSE(keeps_alive("HTTP/1.1 200 OK\r\nConnection: keep-alive , close\r\n"));
    CHECK_FALSE(keeps_alive("HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\n"));
    CHECK_FALSE(keeps_alive("HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n"));
}

TEST_CASE("Lines of a head may end by LF alone") {
    check_good("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello");
    check_good("HTTP/1.1 200 OK\nContent-Length: 5\r\n\nhello", "hello");
    check_good("HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello", "hello");
    check_good("HTTP/1.1 204 No Content\n\n", "");
}

TEST_CASE("A folded header line goes on with the line before") {
    check_good("HTTP/1.1 200 OK\r\nX-Note: one\r\n  Content-Length: 7\r\nContent-Length:\r\n 5\r\n\r\nhello", "hello");
    check_good("HTTP/1.1 200 OK\r\nTransfer-Encoding:\n\tchunked\n\n0\r\n\r\n", "");
    const ParsedAnswer answer = parse_all_ways(
        "HTTP/1.1 200 OK\r\nConnection: upgrade,\r\n close\r\nContent-Type: text/event-stream;\r\n "
        "x=y\r\nContent-Length: "
        "0\r\n\r\n");
    CHECK_FALSE(answer.keep_alive);
    CHECK(answer.heads.at(0).event_stream);
    check_bad("HTTP/1.1 200 OK\r\n X-First: folded\r\n\r\n", ParseError::bad_header);
}

TEST_CASE("What is no HTTP/1 answer is refused by its first line") {
    for (const std::string line : {"",
                                   "SSH-2.0-OpenSSH_9.2",
                                   "HTTP/1.1",
                                   "HTTP/1.1 20",
                                   "HTTP/1.1 2000 OK",
                                   "HTTP/1.1 20x OK",
                                   "HTTP/1.1 -20 OK",
                                   "HTTP/1.1 099 Low",
                                   "HTTP/1.1  200 OK",
                                   "HTTP/2.0 200 OK",
                                   "HTTP/1.2 200 OK",
                                   "http/1.1 200 OK",
                                   "ICY 200 OK and more",
                                   "<html>not found</html>"}) {
        check_bad(line + "\r\nContent-Length: 0\r\n\r\n", ParseError::bad_status_line);
    }
}

TEST_CASE("Malformed header lines are refused") {
    for (const std::string line : {"no colon", ": no name", "Name : x", "Name\t: x"}) {
        check_bad(with_header(line), ParseError::bad_header);
    }
}

TEST_CASE("Lengths that cannot be trusted are refused") {
    for (const std::string value :
         {"-1", "+5", "", "5x", "0x5", "5, 5", "5 5", "18446744073709551616", "99999999999999999999999999", "1e3"}) {
        check_bad(with_header("Content-Length: " + value), ParseError::bad_content_length);
    }
    check_bad(with_header("Content-Length: 5\r\nContent-Length: 6"), ParseError::bad_content_length);
    check_bad(with_header("Content-Length: 5\r\nTransfer-Encoding: chunked"), ParseError::both_lengths);
    check_bad(with_header("Transfer-Encoding: chunked\r\nContent-Length: 5"), ParseError::both_lengths);
    check_good(with_header("Content-Length: 5\r\nContent-Length: 5"), "hello");
    check_good(with_header("Content-Length: 0005"), "hello");
    CHECK(parse(with_header("Content-Length: 18446744073709551615")).state == State::body);
}

TEST_CASE("Transfer codings other than chunked, and content codings that are not read, are refused") {
    for (const std::string value : {"gzip", "gzip, chunked", "chunked, chunked", "chunked;q=1", ""}) {
        check_bad(with_header("Transfer-Encoding: " + value), ParseError::bad_transfer_coding);
    }
    check_bad(with_header("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), ParseError::bad_transfer_coding);
    for (const std::string value :
         {"br", "compress", "gzip, gzip", "identity, gzip", "gzip\r\nContent-Encoding: zstd"}) {
        check_bad(with_header("Content-Encoding: " + value), ParseError::content_encoding);
    }
    check_good(with_header("Content-Encoding: Identity\r\nContent-Length: 5"), "hello");
    check_good(with_header("Content-Encoding: gzip\r\nContent-Length: 5"), "hello");
}

TEST_CASE("Interim answers without end are refused") {
    std::string input;
    for (int i = 0; i < ResponseParser::k_interim_limit; ++i) {
        input += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    const std::string last = with_header("Content-Length: 5");
    CHECK(parse(input + last).body == "hello");
    CHECK(parse(input + "HTTP/1.1 103 Early Hints\r\n\r\n" + last).error == ParseError::interim_answers);
}

TEST_CASE("A head may be 64 KiB long and no longer, in one piece or many") {
    const std::string start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
    const std::string end = "\r\n\r\n";
    const std::string longest =
        start + std::string(ResponseParser::k_head_limit - start.size() - end.size(), 'x') + end;
    REQUIRE(longest.size() == ResponseParser::k_head_limit);
    std::string too_long = longest;
    too_long.insert(start.size(), 1, 'x');
    const Cuts cuts_near_the_end{100, longest.size() - 4, longest.size() - 3, longest.size() - 1};
    for (const Cuts& cuts : {Cuts{}, Cuts{1}, Cuts{longest.size() - 1}, cuts_near_the_end}) {
        CAPTURE(cuts);
        CHECK(parse(longest, cuts).state == State::done);
        CHECK(parse(too_long, cuts).error == ParseError::head_too_large);
    }
    CHECK(parse(std::string(ResponseParser::k_head_limit + 1, 'x')).error == ParseError::head_too_large);
    CHECK(parse(std::string(3 * ResponseParser::k_head_limit, 'x'), {5, 70'000}).error == ParseError::head_too_large);
}

TEST_CASE("A connection that closes early leaves a truncated answer, wherever it happens") {
    for (const std::string input : {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: "
                                    "x\r\n\r\n"}) {
        for (std::size_t size = 0; size < input.size(); ++size) {
            CAPTURE(input, size);
            const ParsedAnswer answer = parse(input.substr(0, size), {}, true);
            CHECK(answer.state == State::failed);
            CHECK(answer.error == ParseError::truncated);
            CHECK(answer.body == std::string("hello").substr(0, answer.body.size()));
        }
        CHECK(parse(input, {}, true).state == State::done);
    }
}

TEST_CASE("An answer that failed or is done stays so when the connection closes") {
    CHECK(parse("nonsense\r\n\r\n", {}, true).error == ParseError::bad_status_line);
    CHECK(parse("HTTP/1.1 204 No Content\r\n\r\n", {}, true).error == ParseError::none);
}

TEST_CASE("One parser reads answer after answer") {
    struct Sink {
        std::string body;
        int heads = 0;

        void on_head(const ResponseHead&) { ++heads; }

        void on_body(char* data, std::size_t size) { body.append(data, size); }
    };

    std::string bytes =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"
        "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    ResponseParser parser;
    CHECK_FALSE(parser.started());
    Sink sink;
    std::size_t at = 0;
    for (const std::string body : {"a", "b", ""}) {
        parser.reset();
        CHECK_FALSE(parser.started());
        CHECK_FALSE(parser.head_complete());
        sink.body.clear();
        at += parser.feed(bytes.data() + at, bytes.size() - at, sink);
        CHECK(parser.started());
        CHECK(parser.head_complete());
        CHECK(parser.state() == State::done);
        CHECK(sink.body == body);
        CHECK(parser.keep_alive() == !body.empty());
    }
    CHECK(at == bytes.size());
    CHECK(sink.heads == 3);
}

TEST_CASE("A head like the one before it is read without a parser, from bytes that are gone by then") {
    struct Sink {
        std::string said;

        void on_head(const ResponseHead& head) {
            said += std::to_string(head.status) + ' ' + std::string(head.reason) + ' ' + std::string(head.location);
        }

        void on_body(const char* data, std::size_t size) { said.append(" ").append(data, size); }
    };

    const auto head = [](int status, const char* more, std::size_t size) {
        return "HTTP/1.1 " + std::to_string(status) + " Sure\r\n" + more + "Content-Length: " + std::to_string(size) +
               "\r\n\r\n";
    };
    const std::string moved = head(302, "Location: /else/where/it/is\r\n", 2);
    const std::string moved_said = "302 Sure /else/where/it/is";
    ResponseParser parser;
    for (const auto& [bytes, said] : {std::pair(moved + "ab", moved_said + " ab"),
                                      std::pair(moved + "cd", moved_said + " cd"),
                                      std::pair(head(200, "", 2) + "ef", std::string("200 Sure  ef")),
                                      std::pair(head(200, "", 3) + "efg", std::string("200 Sure  efg")),
                                      std::pair(head(100, "", 3) + head(200, "", 1) + "h", std::string("200 Sure  h")),
                                      std::pair(head(200, "", 1) + "i", std::string("200 Sure  i")),
                                      std::pair(moved + "jk", moved_said + " jk"),
                                      std::pair(moved + "lm", moved_said + " lm")}) {
        std::string buffer = bytes;
        Sink sink;
        parser.reset();
        CHECK(parser.feed(buffer.data(), buffer.size(), sink) == buffer.size());
        CHECK(parser.state() == State::done);
        CHECK(sink.said == said);
        std::fill(buffer.begin(), buffer.end(), '#');
    }
}
