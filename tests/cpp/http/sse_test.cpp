#include "aiperf/http/sse.hpp"

#include "parsed_stream.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using aiperf::base::Rng;
using aiperf::http::SseParser;
using aiperf::test::Cuts;
using aiperf::test::events_of;
using aiperf::test::for_all_cuts;
using aiperf::test::random_cuts;

namespace {

using Events = aiperf::test::ParsedEvents;

/// Whole, and cut in all ways.
void check(const std::string& input, const Events& expected) {
    CAPTURE(input);
    CHECK(events_of(input) == expected);
    for_all_cuts(input.size(), 60, [&](const Cuts& cuts) {
        const Events events = events_of(input, cuts);
        if (!(events == expected)) {
            CAPTURE(cuts);
            REQUIRE(events == expected);
        }
    });
}

}  // namespace

TEST_CASE("Lines of a stream end by LF, CRLF, CR, or all of them in turn") {
    check("data: one\n\ndata: two\n\n", {{"", "one"}, {"", "two"}});
    check("data: one\r\n\r\ndata: two\r\n\r\n", {{"", "one"}, {"", "two"}});
    check("data: one\r\rdata: two\r\r", {{"", "one"}, {"", "two"}});
    check("data: one\r\n\ndata: two\n\r\ndata: three\r\r\ndata: four\n\r",  //
          {{"", "one"}, {"", "two"}, {"", "three"}, {"", "four"}});
    check("data: a\rdata: b\ndata: c\r\n\r\n", {{"", "a\nb\nc"}});
}

TEST_CASE("A blank line between events may be there more than once") {
    check("\n\n\r\ndata: one\n\n\n\n\ndata: two\n\n\n", {{"", "one"}, {"", "two"}});
}

TEST_CASE("Comments and fields that mean nothing here are passed over") {
    check(": ping\n\n:\n\ndata: x\n: between\nid: 7\nretry: 100\nnonsense\nunknown: y\ndata: z\n\n", {{"", "x\nz"}});
    check("datax: no\n\ndat: no\n\n data: no\n\n", {});
}

TEST_CASE("One space after the colon is not part of the value") {
    check("data:x\n\ndata: y\n\ndata:  z \n\n", {{"", "x"}, {"", "y"}, {"", " z "}});
    check("data:a:b\n\n", {{"", "a:b"}});
}

TEST_CASE("Lines of data are joined by one LF") {
    check("data: {\"a\":\ndata: 1}\n\n", {{"", "{\"a\":\n1}"}});
    check("data:\n\n", {{"", ""}});
    check("data: \n\n", {{"", ""}});
    check("data\n\n", {{"", ""}});
    check("data\ndata\n\n", {{"", "\n"}});
    check("data: a\ndata:\ndata: b\n\n", {{"", "a\n\nb"}});
    check("data:\ndata: a\n\n", {{"", "\na"}});
}

TEST_CASE("Field names count in any case") {
    check("EVENT: error\nDATA: x\n\n", {{"error", "x"}});
    check("Event: Error\nDaTa: x\n\n", {{"Error", "x"}});
    check("$ATA: x\n\ndat\x01: y\n\n", {});
}

TEST_CASE("An event's name holds for that event, the last one given") {
    check("event: a\nevent: b\ndata: x\n\ndata: y\n\n", {{"b", "x"}, {"", "y"}});
    check("data: x\nevent: late\n\n", {{"late", "x"}});
    check("event: a\nevent:\ndata: x\n\n", {{"", "x"}});
}

TEST_CASE("An event with a name is delivered though it has no data") {
    check("event: error\n\ndata: x\n\n", {{"error", ""}, {"", "x"}});
    check("event: error", {{"error", ""}});
    check("event\n\n", {});
}

TEST_CASE("A byte order mark at the beginning is passed over, whole or in pieces, and only there") {
    const std::string mark = "\xEF\xBB\xBF";
    check(mark + "data: x\n\n", {{"", "x"}});
    check(mark + mark + "data: x\n\n", {});
    check("data: x\n\n" + mark + "data: y\n\ndata: z\n\n", {{"", "x"}, {"", "z"}});
    check("data: " + mark + "x\n\n", {{"", mark + "x"}});
    check("\xEF\xBB:x\ndata: y\n\n", {{"", "y"}});
    check("\xEF", {});
    check(mark, {});
    check(mark + "\n\n", {});
}

TEST_CASE("An event left open at the end of the stream is delivered") {
    check("data: one\n\ndata: two\n", {{"", "one"}, {"", "two"}});
    check("data: one\n\ndata: two", {{"", "one"}, {"", "two"}});
    check("data: one\n\ndata: two\r", {{"", "one"}, {"", "two"}});
    check("data: a\ndata: b", {{"", "a\nb"}});
    check("data: one\n\n: comment", {{"", "one"}});
    check("data: one\n\nda", {{"", "one"}});
    check("", {});
}

TEST_CASE("[DONE] is an event like others") {
    check("data: {}\n\ndata: [DONE]\n\n", {{"", "{}"}, {"", "[DONE]"}});
}

TEST_CASE("Characters of several bytes survive every cut") {
    const std::string text = "Zürich 東京 🚀";
    check("data: " + text + "\n\ndata: \xF0\x9F\xFF broken\n\n", {{"", text}, {"", "\xF0\x9F\xFF broken"}});
}

TEST_CASE("NUL bytes are data") {
    using namespace std::string_literals;
    check("data: a\0b\n\n\0\n"s, {{"", "a\0b"s}});
}

TEST_CASE("A megabyte in one event arrives whole") {
    std::string text(1U << 20U, 'x');
    for (std::size_t i = 0; i < text.size(); i += 997) {
        text[i] = static_cast<char>('a' + i % 26);
    }
    const std::string input = "event: big\ndata: " + text + "\n\ndata: after\n\n";
    const Events expected{{"big", text}, {"", "after"}};
    CHECK(events_of(input) == expected);
    Rng rng(3);
    for (const std::size_t most : {1U, 20U, 2000U}) {
        CHECK(events_of(input, random_cuts(rng, input.size(), most)) == expected);
    }
}

TEST_CASE("An event over the limit is cut off there, and the next one is whole") {
    struct Lengths {
        std::vector<std::size_t> sizes;

        void on_event(std::string_view, char*, std::size_t size) { sizes.push_back(size); }
    };

    constexpr std::size_t k_piece = 32UL << 20U;
    std::vector<char> piece(k_piece + SseParser::k_padding, 'x');
    std::string start = "data: " + std::string(SseParser::k_padding, ' ');
    std::string line_end = "\ndata: more\n\ndata: y\n\n" + std::string(SseParser::k_padding, ' ');
    SseParser parser;
    Lengths lengths;
    parser.feed(start.data(), 6, lengths);
    for (std::size_t fed = 0; fed < SseParser::k_event_limit + k_piece; fed += k_piece) {
        parser.feed(piece.data(), k_piece, lengths);
    }
    parser.feed(line_end.data(), line_end.size() - SseParser::k_padding, lengths);
    CHECK(lengths.sizes == std::vector<std::size_t>{SseParser::k_event_limit, 1});
}

TEST_CASE("An event that lies whole in the fed bytes is handed on in place") {
    struct Places {
        std::vector<const char*> places;

        void on_event(std::string_view, char* data, std::size_t) { places.push_back(data); }
    };

    std::string bytes = "data: one\n\nevent: x\r\ndata:two\r\n\r\ndata: a\ndata: b\n\ndata: half";
    const std::size_t size = bytes.size();
    bytes.append(SseParser::k_padding, ' ');
    SseParser parser;
    Places sink;
    parser.feed(bytes.data(), size, sink);
    REQUIRE(sink.places.size() == 3);
    CHECK(sink.places[0] == bytes.data() + 6);
    CHECK(sink.places[1] == bytes.data() + bytes.find("two"));
    const bool joined_elsewhere = sink.places[2] < bytes.data() || sink.places[2] >= bytes.data() + bytes.size();
    CHECK(joined_elsewhere);
}

TEST_CASE("A parser that was reset remembers nothing") {
    SseParser parser;
    aiperf::test::EventKeeper sink;
    std::string half = "event: old\ndata: old\r" + std::string(SseParser::k_padding, ' ');
    parser.feed(half.data(), half.size() - SseParser::k_padding, sink);
    parser.reset();
    std::string fresh = "\xEF\xBB\xBF\ndata: new\n\n" + std::string(SseParser::k_padding, ' ');
    parser.feed(fresh.data(), fresh.size() - SseParser::k_padding, sink);
    CHECK(sink.events == Events{{"", "new"}});
}

TEST_CASE("Random streams give the same events in random pieces") {
    const std::string parts[] = {"data: ",
                                 "data:",
                                 "data",
                                 "event: ",
                                 "event",
                                 ":",
                                 "\n",
                                 "\n",
                                 "\r\n",
                                 "\r",
                                 "\n\n",
                                 "x",
                                 "{\"a\":1}",
                                 " ",
                                 "\xEF\xBB\xBF",
                                 "ü",
                                 "id: 1"};
    Rng rng(11);
    std::size_t seen = 0;
    for (int round = 0; round < 4000; ++round) {
        std::string input;
        for (auto more = rng.below(40); more > 0; --more) {
            input += parts[rng.below(std::size(parts))];
        }
        const Events whole = events_of(input);
        seen += whole.size();
        for (int way = 0; way < 4; ++way) {
            const Cuts cuts = random_cuts(rng, input.size(), 10);
            const Events cut = events_of(input, cuts);
            if (!(cut == whole)) {
                CAPTURE(round, input, cuts);
                REQUIRE(cut == whole);
            }
        }
    }
    CHECK(seen > 2000);
}
