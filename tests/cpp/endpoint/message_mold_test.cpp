#include "message_mold.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using aiperf::endpoint::Delta;
using aiperf::endpoint::Hole;
using aiperf::endpoint::HoleKind;
using aiperf::endpoint::MessageMold;
using aiperf::endpoint::MessageMolds;
using aiperf::endpoint::plain_value_end;

namespace {

/// The place of `value` in a message.
Hole hole(HoleKind kind, std::string_view message, std::string_view value) {
    const std::size_t at = message.find(value);
    REQUIRE(at != std::string_view::npos);
    return {kind, at, value.size()};
}

/// Where a value that begins `text` ends; -1 = it is not plain.
std::ptrdiff_t end_of(HoleKind kind, std::string_view text) {
    const char* const end = plain_value_end(kind, text.data(), text.data() + text.size());
    return end == nullptr ? -1 : end - text.data();
}

}  // namespace

TEST_CASE("Plain text goes up to its quote, and has no escape, control character or broken UTF-8") {
    for (std::size_t length = 0; length < 40; ++length) {
        INFO(length);
        const std::string text(length, 'x');
        const auto size = static_cast<std::ptrdiff_t>(length);
        CHECK(end_of(HoleKind::output, text + "\"") == size);
        CHECK(end_of(HoleKind::output, text + "\" and \\ more \n") == size);
        CHECK(end_of(HoleKind::output, text) == -1);
        CHECK(end_of(HoleKind::output, text + "\xC3\xA4\"") == size + 2);
        for (const char* bad : {"\\", "\n", "\x1F", "\xC3", "\xC3\"", "\xFF"}) {
            CHECK(end_of(HoleKind::output, text + bad + text + "\"") == -1);
        }
        CHECK(end_of(HoleKind::output, text + "\x7F~ !#[]" + text + "\"") == 2 * size + 7);
    }
    CHECK(end_of(HoleKind::output, std::string("a\0b\"", 4)) == -1);
}

TEST_CASE("A whole number has digits alone, no zero before others, and fits") {
    CHECK(end_of(HoleKind::prompt_tokens, "0,") == 1);
    CHECK(end_of(HoleKind::prompt_tokens, "123456789}") == 9);
    CHECK(end_of(HoleKind::prompt_tokens, "1234567890}") == -1);
    CHECK(end_of(HoleKind::ignored_number, "1234567890}") == 10);
    CHECK(end_of(HoleKind::ignored_number, "1234567890123456789}") == -1);
    for (const char* bad : {"", "-1", "01", "null", "x"}) {
        INFO(bad);
        CHECK(end_of(HoleKind::total_tokens, bad) == -1);
    }
}

TEST_CASE("A mold reads the messages that differ from it in its holes alone") {
    MessageMold mold;
    Delta delta;
    CHECK_FALSE(mold.read("", delta));
    CHECK_FALSE(mold.read(R"({"a":"x"})", delta));
    const std::string first = R"({"id":"A1","t":"one","n":23,"b":4})";
    const std::vector<Hole> holes{hole(HoleKind::ignored_text, first, "A1"),
                                  hole(HoleKind::output, first, "one"),
                                  hole(HoleKind::prompt_tokens, first, "23")};
    Delta said;
    said.output = "one";
    said.usage.prompt_tokens = 23;
    said.usage.cached_tokens = 4;
    said.has_usage = true;
    mold.take(first, holes, said);

    REQUIRE(mold.read(R"({"id":"","t":"other","n":7,"b":4})", delta));
    CHECK(delta.output == "other");
    CHECK(delta.usage.prompt_tokens == 7);
    CHECK(delta.usage.cached_tokens == 4);  // not in a hole: as it was
    CHECK(delta.has_usage);
    REQUIRE(mold.read(first, delta));
    CHECK(delta.output == "one");
    // Streams in turn, each with its id, and several messages of one.
    for (const char* id : {"B1", "B1", "C1", "B1", "", "C1"}) {
        const std::string message = std::string(R"({"id":")") + id + R"(","t":")" + id + R"(","n":0,"b":4})";
        REQUIRE(mold.read(message, delta));
        CHECK(delta.output == id);
    }
    for (const char* other : {R"({"id":"A1","t":"one","n":23,"b":5})",
                              R"({"id":"A1","t":"one","n":23.5,"b":4})",
                              R"({"id":"A1","t":"one","n":,"b":4})",
                              R"({"id":"A1","t":"o\ne","n":23,"b":4})",
                              R"({"id":"A1","t":"one","n":23,"b":4} )",
                              R"({"id":"A1","t":"one","n":23,"b":4)",
                              R"({"id":"A1","t":"one","n":23)",
                              R"({"id":"A1","x":"one","n":23,"b":4})",
                              ""}) {
        INFO(other);
        CHECK_FALSE(mold.read(other, delta));
    }
}

TEST_CASE("Reasoning by its other name counts where there is no other") {
    const std::string first = R"({"r":"one","a":"two"})";
    const std::vector<Hole> holes{hole(HoleKind::reasoning, first, "one"),
                                  hole(HoleKind::reasoning_alias, first, "two")};
    MessageMold mold;
    mold.take(first, holes, Delta{});
    Delta delta;
    REQUIRE(mold.read(R"({"r":"x","a":"y"})", delta));
    CHECK(delta.reasoning == "x");
    REQUIRE(mold.read(R"({"r":"","a":"y"})", delta));
    CHECK(delta.reasoning == "y");
}

TEST_CASE("Of molds the eight youngest are kept") {
    MessageMolds molds;
    Delta delta;
    const auto message = [](int kind, const char* text) {
        return "{\"kind\":" + std::to_string(kind) + ",\"t\":\"" + text + "\"}";
    };
    for (int kind = 0; kind < 9; ++kind) {
        const std::string text = message(kind, "word");
        CHECK_FALSE(molds.read(text, delta));
        const Hole output = hole(HoleKind::output, text, "word");
        molds.take(text, {&output, 1}, Delta{});
    }
    for (int kind = 8; kind > 0; --kind) {
        const std::string text = message(kind, "other");
        INFO(text);
        REQUIRE(molds.read(text, delta));
        CHECK(delta.output == "other");
    }
    CHECK_FALSE(molds.read(message(0, "other"), delta));
}

TEST_CASE("Molds of messages that are never alike are taken now and then, and known again once they are") {
    MessageMolds molds;
    Delta delta;
    const auto message = [](int number, const char* text) {
        return "{\"n\":" + std::to_string(number) + ",\"t\":\"" + text + "\"}";
    };
    const auto give = [&](int number) {
        const std::string text = message(number, "word");
        if (molds.read(text, delta)) {
            return true;
        }
        const Hole output = hole(HoleKind::output, text, "word");
        molds.take(text, {&output, 1}, Delta{});
        return false;
    };
    for (int number = 0; number < 1000; ++number) {
        CHECK_FALSE(give(number));
    }
    int seen = 0;
    while (!give(7777)) {
        REQUIRE(++seen < 200);
    }
    CHECK(seen > 1);
    CHECK(give(7777));
    CHECK(molds.read(message(7777, "other"), delta));
}
