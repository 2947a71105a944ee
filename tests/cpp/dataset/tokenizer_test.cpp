#include "aiperf/dataset/tokenizer.hpp"

#include "aiperf/base/error.hpp"
#include "tokenizer_fixtures.hpp"
#include "use_tokenizer.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

using namespace aiperf::dataset;
using aiperf::base::ConfigError;
using aiperf::base::RunError;
using Catch::Contains;

namespace {

void require_recorded_ids(const Tokenizer& tokenizer, const std::string& recording) {
    const nlohmann::json recorded = read_golden(recording);
    REQUIRE(recorded["cases"].size() > 30);
    for (const auto& example : recorded["cases"]) {
        const std::string text = example["text"];
        INFO(text);
        const auto ids = example["ids"].get<std::vector<TokenId>>();
        REQUIRE(tokenizer.encode(text) == ids);
        REQUIRE(tokenizer.count(text) == ids.size());
        REQUIRE(tokenizer.decode(ids) == text);
    }
}

}  // namespace

TEST_CASE("ids of a tokenizer.json equal the recorded ones, and lead back to the text") {
    require_recorded_ids(*open_golden(), "expected.json");
    REQUIRE(open_golden()->source() == k_golden_tokenizer + "/tokenizer.json");
}

TEST_CASE("ids of the compiled-in encodings equal the recorded ones, and lead back to the text") {
    require_recorded_ids(*open_builtin(), "expected_o200k_base.json");
    require_recorded_ids(*open_tokenizer({"cl100k_base", {}}), "expected_cl100k_base.json");
    REQUIRE(open_builtin()->source() == "builtin (o200k_base)");
}

TEST_CASE("a compiled-in encoding is shared by the process") {
    REQUIRE(open_tokenizer({"builtin", {}}) == open_tokenizer({"o200k_base", {}}));
}

TEST_CASE("the text of a special token is that token, and comes back as text") {
    const auto ids = open_golden()->encode("a<|eos|>");
    REQUIRE(ids == std::vector<TokenId>{66, 1});
    REQUIRE(open_golden()->decode(ids) == "a<|eos|>");
}

TEST_CASE("special tokens that an encode may add are told, never counted") {
    const auto tokenizer = open_json(golden_with_special_tokens());
    REQUIRE(tokenizer->added_special_tokens() == 2);
    REQUIRE(tokenizer->encode("Hello world") == open_golden()->encode("Hello world"));
    REQUIRE(tokenizer->count("Hello world") == 5);
    REQUIRE(open_golden()->added_special_tokens() == 0);
    REQUIRE(open_builtin()->added_special_tokens() == 0);
}

TEST_CASE("a post-processor counts as much as it makes") {
    const std::string text = "Hello world, again <|eos|>";
    nlohmann::json description = golden_with_special_tokens();
    nlohmann::json& parts = description["post_processor"]["single"];
    parts.insert(parts.end(), parts[1]);  // the text a second time
    const auto twice = open_json(description);
    REQUIRE(twice->count(text) == 2 * open_golden()->count(text));
    REQUIRE(twice->encode(text).size() == twice->count(text));
    description["post_processor"] = {
        {"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
    REQUIRE(open_json(description)->count(text) == open_golden()->count(text));
}

TEST_CASE("a model that does not say of which kind it is is read as what it can be") {
    nlohmann::json description = read_golden("tokenizer.json");
    description["model"].erase("type");
    REQUIRE(open_json(description)->encode("Hello world") == open_golden()->encode("Hello world"));
}

TEST_CASE("truncation and padding that a tokenizer.json asks for do not change ids") {
    nlohmann::json description = read_golden("tokenizer.json");
    description["truncation"] = {
        {"direction", "Right"}, {"max_length", 3}, {"strategy", "LongestFirst"}, {"stride", 0}};
    description["padding"] = {{"strategy", {{"Fixed", 64}}},
                              {"direction", "Right"},
                              {"pad_to_multiple_of", nullptr},
                              {"pad_id", 1},
                              {"pad_type_id", 0},
                              {"pad_token", "<|eos|>"}};
    const auto tokenizer = open_json(description);
    REQUIRE(tokenizer->encode("Hello, world!") == open_golden()->encode("Hello, world!"));
    REQUIRE(tokenizer->count("Hello, world!") == 7);
}

TEST_CASE("invalid UTF-8 counts as replacement characters, wherever a text is cut") {
    const std::string text = "a \xff b \xe6\x9d\xb1\xf0\x9f\x99\x82 \xed\xa0\x80 end";
    for (const auto& tokenizer : {open_golden(), open_builtin()}) {
        REQUIRE(tokenizer->encode("a\xff z") == tokenizer->encode("a\xef\xbf\xbd z"));
        REQUIRE(tokenizer->encode("\xe6\x9d") == tokenizer->encode("\xef\xbf\xbd"));
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            const std::string_view part = std::string_view(text).substr(0, cut);
            const auto ids = tokenizer->encode(part);
            REQUIRE(aiperf::test::agrees_with_itself(*tokenizer, part));
            REQUIRE(tokenizer->encode(tokenizer->decode(ids)) == ids);
        }
    }
}

TEST_CASE("a text may hold NUL bytes and need not end in one") {
    const std::string_view text("ab\0cd-not-part-of-it", 5);
    for (const auto& tokenizer : {open_golden(), open_builtin()}) {
        REQUIRE(tokenizer->decode(tokenizer->encode(text)) == text);
    }
}

TEST_CASE("ids that are part of a character decode to a replacement character") {
    for (const auto& tokenizer : {open_golden(), open_builtin()}) {
        auto ids = tokenizer->encode("\xf0\x9f\xab\xa8");
        REQUIRE(ids.size() > 1);
        ids.pop_back();
        REQUIRE_THAT(tokenizer->decode(ids), Contains("\xef\xbf\xbd"));
    }
}

TEST_CASE("decoded text may be far longer than its ids") {
    const auto tokenizer = open_builtin();
    const std::string blanks(4000, ' ');
    const auto ids = tokenizer->encode(blanks);
    REQUIRE(ids.size() * 8 < blanks.size());
    REQUIRE(tokenizer->decode(ids) == blanks);
}

TEST_CASE("a normaliser may make more ids than the text has bytes") {
    nlohmann::json description = read_golden("tokenizer.json");
    description["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "1234567890"}};
    const auto tokenizer = open_json(description);
    const auto ids = tokenizer->encode("aa");
    REQUIRE(ids.size() > 2);
    REQUIRE(ids == open_golden()->encode("12345678901234567890"));
    REQUIRE(tokenizer->count("aa") == ids.size());
}

TEST_CASE("an id outside the vocabulary is an error that names it") {
    REQUIRE_THROWS_AS(open_golden()->decode({66, 2000}), RunError);
    REQUIRE_THROWS_WITH(open_golden()->decode({66, 2000}), Contains("id 2000 "));
    REQUIRE_THROWS_WITH(open_golden()->decode({4294967295U}), Contains("id 4294967295 "));
    REQUIRE_THROWS_WITH(open_builtin()->decode({66, 4294967295U}), Contains("id 4294967295 "));
    REQUIRE_THROWS_WITH(open_builtin()->decode({199998}), Contains("id 199998 "));
    REQUIRE(open_golden()->decode({}).empty());
}

TEST_CASE("a text that a tokenizer chokes on is an error, and the next text is counted") {
    const std::string blanks(3'000'000, ' ');
    REQUIRE_THROWS_AS(open_builtin()->count(blanks + "x"), RunError);
    REQUIRE_THROWS_WITH(open_builtin()->encode(blanks + "x"), Contains("3000001 bytes"));
    REQUIRE(open_builtin()->count("hello world") == 2);
}

TEST_CASE("one tokenizer serves many threads at once") {
    const nlohmann::json recorded = read_golden("expected.json");
    const auto fresh = open_tokenizer({k_golden_tokenizer, {}});
    for (const auto& tokenizer : {fresh, open_tokenizer({"cl100k_base", {}})}) {
        std::vector<std::size_t> wanted;
        for (const auto& example : recorded["cases"]) {
            wanted.push_back(example["ids"].size());
        }
        std::vector<std::vector<std::size_t>> found(8);
        {
            std::vector<std::thread> threads;
            for (auto& counts : found) {
                threads.emplace_back([&counts, &recorded, &tokenizer] {
                    for (int round = 0; round < 20; ++round) {
                        counts.clear();
                        for (const auto& example : recorded["cases"]) {
                            counts.push_back(tokenizer->count(example["text"].get_ref<const std::string&>()));
                        }
                    }
                });
            }
            for (std::thread& thread : threads) {
                thread.join();
            }
        }
        for (const auto& counts : found) {
            REQUIRE(counts == found[0]);
        }
        REQUIRE((tokenizer != fresh || found[0] == wanted));
    }
}

TEST_CASE("a tokenizer.json cut anywhere is refused, naming the file") {
    const TemporaryFolder folder;
    const std::string whole = read_golden("tokenizer.json").dump();
    for (std::size_t cut = 0; cut < whole.size(); cut += cut < 2000 ? 13 : 3001) {
        const auto file = folder.write("tokenizer.json", whole.substr(0, cut));
        INFO(cut);
        REQUIRE_THROWS_AS(open_tokenizer({file.string(), {}}), ConfigError);
    }
    REQUIRE_THROWS_WITH(open_tokenizer({folder.path().string(), {}}), Contains(folder.path().string()));
}

TEST_CASE("JSON that is no tokenizer, and bytes that are no JSON, are refused") {
    const TemporaryFolder folder;
    for (const std::string bytes :
         {"{}", "[]", "null", "\xff\xfe\x00", R"({"version":"1.0","model":{"type":"Nonsense"}})"}) {
        const auto file = folder.write("x.json", bytes);
        REQUIRE_THROWS_AS(open_tokenizer({file.string(), {}}), ConfigError);
    }
}
