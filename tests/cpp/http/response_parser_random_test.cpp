#include "aiperf/http/response_parser.hpp"
#include "parsed_answer.hpp"

#include <catch2/catch.hpp>

#include <charconv>
#include <string>

using aiperf::base::Rng;
using aiperf::http::ResponseParser;
using aiperf::test::parse;
using aiperf::test::ParsedAnswer;
using aiperf::test::random_cuts;

namespace {

/// An answer made at random, with what a parser must find in it.
struct Generated {
    std::string bytes;
    bool close = false;
    ParsedAnswer expected;
};

template <class Choices>
std::string any_of(Rng& rng, const Choices& choices) {
    return choices[rng.below(std::size(choices))];
}

std::string any_case(Rng& rng, std::string text) {
    for (char& c : text) {
        if (c >= 'a' && c <= 'z' && rng.below(2) == 0) {
            c = static_cast<char>(c - 'a' + 'A');
        }
    }
    return text;
}

std::string any_body(Rng& rng) {
    std::string body(rng.below(3) == 0 ? 0 : rng.below(300), '\0');
    for (char& c : body) {
        c = rng.below(4) == 0 ? "\r\n0;"[rng.below(4)] : static_cast<char>(rng.below(256));
    }
    return body;
}

std::string hex(Rng& rng, std::size_t number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof(digits), number, 16).ptr;
    return any_case(rng, std::string(rng.below(3), '0') + std::string(digits, end));
}

std::string chunked(Rng& rng, const std::string& body) {
    const std::string extensions[] = {"", "", ";a=b", " ;x", ";\"\\\"\""};
    std::string coded;
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t take = 1 + rng.below(body.size() - at);
        coded += hex(rng, take) + any_of(rng, extensions) + "\r\n" + body.substr(at, take) + "\r\n";
        at += take;
    }
    coded += "0" + any_of(rng, extensions) + "\r\n";
    for (auto trailers = rng.below(3); trailers > 0; --trailers) {
        coded += "X-Trailer: " + std::to_string(trailers) + "\r\n";
    }
    return coded + "\r\n";
}

Generated generate(Rng& rng) {
    const std::string line_ends[] = {"\r\n", "\r\n", "\n"};
    const std::string noise[] = {"Server: x", "Date: now", "X-A:", "Set-Cookie: a=b, c", "X-Fold: a\r\n b\r\n\tc"};
    const std::string end = any_of(rng, line_ends);
    Generated answer;
    ParsedAnswer& expected = answer.expected;
    expected.state = ResponseParser::State::done;
    for (auto interim = rng.below(4) == 0 ? rng.below(3) : 0; interim > 0; --interim) {
        answer.bytes += "HTTP/1.1 10" + std::to_string(rng.below(4) == 0 ? 3 : 0) + " Go on" + end + end;
    }
    const bool old = rng.below(4) == 0;
    ParsedAnswer::Head head{
        static_cast<int>(200 + rng.below(400)), rng.below(4) == 0 ? "" : "Some Reason", false, !old};
    head.status = head.status == 204 || head.status == 304 ? 200 : head.status;
    std::vector<std::string> lines;
    for (auto more = rng.below(5); more > 0; --more) {
        lines.push_back(any_of(rng, noise));
    }
    if (rng.below(3) == 0) {
        head.keep_alive = rng.below(2) == 0;
        lines.push_back(any_case(rng, "connection") + ": " + any_case(rng, head.keep_alive ? "keep-alive" : "close"));
    }
    if (rng.below(2) == 0) {
        head.event_stream = rng.below(2) == 0;
        lines.push_back("Content-Type: " + any_case(rng, head.event_stream ? "text/event-stream" : "text/plain"));
    }
    expected.body = any_body(rng);
    expected.body_bytes = expected.body.size();
    expected.keep_alive = head.keep_alive;
    std::string coded = expected.body;
    const auto framing = rng.below(3);
    if (framing == 0) {
        lines.push_back(any_case(rng, "content-length") + ":" + std::string(rng.below(3), ' ') +
                        std::to_string(coded.size()));
    } else if (framing == 1) {
        lines.push_back(any_case(rng, "transfer-encoding: chunked"));
        coded = chunked(rng, expected.body);
        expected.chunked = true;
    } else {
        answer.close = true;
        expected.keep_alive = false;
    }
    expected.heads.push_back(head);
    answer.bytes +=
        std::string(old ? "HTTP/1.0 " : "HTTP/1.1 ") + std::to_string(head.status) + " " + head.reason + end;
    while (!lines.empty()) {
        const std::size_t at = rng.below(lines.size());
        answer.bytes += lines[at] + end;
        lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
    }
    answer.bytes += end + coded;
    if (!answer.close && rng.below(3) == 0) {
        expected.left = "HTTP/1.1 200 OK\r\n";
        answer.bytes += expected.left;
    }
    return answer;
}

}  // namespace

TEST_CASE("Random good answers are read as they were meant, however they are cut") {
    Rng rng(20'240'601);
    for (int round = 0; round < 4000; ++round) {
        const Generated answer = generate(rng);
        for (int way = 0; way < 4; ++way) {
            const auto cuts = random_cuts(rng, answer.bytes.size(), way == 0 ? 0 : 12);
            const ParsedAnswer parsed = parse(answer.bytes, cuts, answer.close);
            if (!(parsed == answer.expected)) {
                CAPTURE(round, answer.bytes, cuts);
                REQUIRE(parsed == answer.expected);
            }
        }
    }
}

TEST_CASE("Random damaged answers give the same outcome, however they are cut") {
    Rng rng(7);
    int refused = 0;
    for (int round = 0; round < 8000; ++round) {
        Generated answer = generate(rng);
        for (auto flips = 1 + rng.below(4); flips > 0; --flips) {
            char& byte = answer.bytes[rng.below(answer.bytes.size())];
            byte = rng.below(3) == 0 ? "\r\n :0"[rng.below(5)] : static_cast<char>(rng.below(256));
        }
        const ParsedAnswer whole = parse(answer.bytes, {}, true);
        refused += whole.state == ResponseParser::State::failed ? 1 : 0;
        for (int way = 0; way < 3; ++way) {
            const auto cuts = random_cuts(rng, answer.bytes.size(), 12);
            const ParsedAnswer cut = parse(answer.bytes, cuts, true);
            if (!(cut == whole)) {
                CAPTURE(round, answer.bytes, cuts);
                REQUIRE(cut == whole);
            }
        }
    }
    CHECK(refused > 1000);  // the damage was felt
}
