#include "aiperf/mock/body_facts.hpp"

#include "aiperf/mock/token_text.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace aiperf::mock;

namespace {

BodyFacts facts_of(std::string body) {
    body.append(k_body_padding, '\0');
    BodyReader reader;
    BodyFacts facts;
    REQUIRE(reader.read({body.data(), body.size() - k_body_padding}, facts).empty());
    return facts;
}

std::string refusal_of(std::string body) {
    body.append(k_body_padding, '\0');
    BodyReader reader;
    BodyFacts facts;
    return reader.read({body.data(), body.size() - k_body_padding}, facts);
}

}  // namespace

TEST_CASE("the facts of a chat body are found in any order of its members") {
    const BodyFacts facts = facts_of(
        R"({"stream_options":{"x":1,"include_usage":true},"tools":[{"a":{}}],"messages":[{"role":"system","content":"abc"},)"
        R"({"role":"user","content":[{"type":"text","text":"d\u00e9"},{"type":"image_url","image_url":{"url":"u"}}]}],)"
        R"("max_tokens":5,"model":"m\n","stream":true,"max_completion_tokens":7})");
    CHECK(facts.model == "m\n");
    CHECK(facts.stream);
    CHECK(facts.include_usage);
    CHECK(facts.max_tokens == 7U);
    CHECK(facts.prompt_bytes == 6);
}

TEST_CASE("a prompt is a text, a list of texts or token ids of four bytes each") {
    CHECK(facts_of(R"({"prompt":"hello"})").prompt_bytes == 5);
    CHECK(facts_of(R"({"prompt":["ab","c"]})").prompt_bytes == 3);
    CHECK(facts_of(R"({"prompt":[1,2,3]})").prompt_bytes == 12);
    CHECK(facts_of(R"({"max_tokens":3})").max_tokens == 3U);
    CHECK(facts_of(R"({"stream":null,"max_tokens":null,"stream_options":null})").max_tokens == std::nullopt);
}

TEST_CASE("a body that is no JSON object or has a member of the wrong type is refused by name") {
    CHECK_THAT(refusal_of("[1]"), Catch::Contains("JSON object"));
    CHECK_THAT(refusal_of(""), Catch::Contains("JSON"));
    CHECK_THAT(refusal_of(R"({"model":)"), Catch::Contains("JSON"));
    CHECK_THAT(refusal_of(R"({"model":3})"), Catch::Contains("model"));
    CHECK_THAT(refusal_of(R"({"stream":"yes"})"), Catch::Contains("stream"));
    CHECK_THAT(refusal_of(R"({"stream_options":[]})"), Catch::Contains("stream_options"));
    CHECK_THAT(refusal_of(R"({"max_tokens":0})"), Catch::Contains("max_tokens"));
    CHECK_THAT(refusal_of(R"({"max_completion_tokens":1.5})"), Catch::Contains("max_completion_tokens"));
    CHECK_THAT(refusal_of(R"({"max_tokens":1000001})"), Catch::Contains("1000000"));
}

TEST_CASE("nesting without end does not end the server") {
    CHECK(facts_of(R"({"prompt":)" + std::string(1000, '[') + std::string(1000, ']') + "}").prompt_bytes == 0);
}

TEST_CASE("texts are made of pieces that need no escaping, and begin without a space") {
    for (const TextKind kind : {TextKind::plain, TextKind::unicode}) {
        bool multi_byte = false;
        for (const std::string_view piece : token_pieces(kind)) {
            CHECK_FALSE(piece.empty());
            CHECK(piece.find_first_of("\"\\\n\r\t") == std::string_view::npos);
            multi_byte = multi_byte || std::any_of(piece.begin(), piece.end(), [](char c) { return c < 0; });
        }
        CHECK(multi_byte == (kind == TextKind::unicode));
        CHECK(token_at(kind, 0).front() != ' ');
        CHECK(token_at(kind, token_pieces(kind).size()).front() == ' ');
        std::string whole;
        std::string halves;
        append_tokens(whole, kind, 0, 300);
        append_tokens(halves, kind, 0, 150);
        append_tokens(halves, kind, 150, 300);
        CHECK(whole == halves);
    }
}
