#include "aiperf/dataset/prompt_source.hpp"

#include "aiperf/base/error.hpp"
#include "tokenizer_fixtures.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

using namespace aiperf::dataset;
using aiperf::base::Rng;

namespace {

/// Every letter is a token, words are spelled (WordPiece): nothing is cheap.
nlohmann::json spelling_tokenizer() {
    nlohmann::json vocabulary = {{"[UNK]", 0}, {",", 1}, {".", 2}};
    for (char c = 'a'; c <= 'z'; ++c) {
        vocabulary[std::string(1, c)] = vocabulary.size();
        vocabulary["##" + std::string(1, c)] = vocabulary.size();
    }
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens", nlohmann::json::array()},
            {"normalizer",
             {{"type", "BertNormalizer"},
              {"clean_text", true},
              {"handle_chinese_chars", true},
              {"strip_accents", nullptr},
              {"lowercase", true}}},
            {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
            {"post_processor", nullptr},
            {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
            {"model",
             {{"type", "WordPiece"},
              {"unk_token", "[UNK]"},
              {"continuing_subword_prefix", "##"},
              {"max_input_chars_per_word", 100},
              {"vocab", vocabulary}}}};
}

/// A unigram model that marks word starts, also the first: pieces do not add up.
nlohmann::json unigram_tokenizer() {
    nlohmann::json vocabulary = nlohmann::json::array();
    const auto add = [&vocabulary](const std::string& text, double score) {
        vocabulary.push_back(nlohmann::json::array({text, score}));
    };
    add("<unk>", 0.0);
    add("\u2581the", -2.0);
    add("\u2581and\u2581the", -2.5);
    add("er", -3.0);
    for (char c = 'a'; c <= 'z'; ++c) {
        add(std::string(1, c), -6.0);
        add("\u2581" + std::string(1, c), -6.5);
        add(std::string(1, static_cast<char>(c - 'a' + 'A')), -7.0);
    }
    for (const char* text : {"\u2581", ",", ".", "\n"}) {
        add(text, -5.0);
    }
    return {
        {"version", "1.0"},
        {"truncation", nullptr},
        {"padding", nullptr},
        {"added_tokens", nlohmann::json::array()},
        {"normalizer", {{"type", "NFKC"}}},
        {"pre_tokenizer",
         {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "always"}, {"split", false}}},
        {"post_processor", nullptr},
        {"decoder", {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "always"}, {"split", false}}},
        {"model", {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", vocabulary}, {"byte_fallback", false}}}};
}

/// The golden tokenizer; notes what it is asked to count.
class Asked final : public Tokenizer {
public:
    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const override { return golden_->encode(text); }

    [[nodiscard]] std::size_t count(std::string_view text) const override {
        ++times_[std::string(text)];
        return golden_->count(text);
    }

    [[nodiscard]] std::string decode(const std::vector<TokenId>& ids) const override { return golden_->decode(ids); }

    [[nodiscard]] std::uint32_t added_special_tokens() const noexcept override { return 0; }

    [[nodiscard]] const std::string& source() const noexcept override { return golden_->source(); }

    [[nodiscard]] const std::map<std::string, int>& times() const noexcept { return times_; }

private:
    std::shared_ptr<const Tokenizer> golden_ = open_golden();
    mutable std::map<std::string, int> times_;
};

void require_exact(const Tokenizer& tokenizer, std::uint32_t first, std::uint32_t last, std::uint32_t step) {
    PromptSource source(&tokenizer);
    for (const std::uint64_t seed : {0ULL, 1ULL, 0xdeadbeefULL}) {
        for (std::uint32_t tokens = first; tokens <= last; tokens += step) {
            const std::string text = source.text(tokens, Rng(seed + tokens));
            INFO("seed " << seed << ", " << tokens << " tokens: " << text.substr(0, 200));
            REQUIRE(tokenizer.count(text) == tokens);
            REQUIRE(tokenizer.encode(text).size() == tokens);
            REQUIRE(std::isalpha(static_cast<unsigned char>(text.front())) != 0);
            REQUIRE(std::isspace(static_cast<unsigned char>(text.back())) == 0);
            REQUIRE(std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= ' ' && c < 127); }));
        }
    }
}

}  // namespace

TEST_CASE("prompts have exactly the asked tokens with a tokenizer.json") {
    require_exact(*open_golden(), 1, 150, 1);
    require_exact(*open_golden(), 151, 2000, 37);
}

TEST_CASE("prompts have exactly the asked tokens with the builtin tokenizer") {
    require_exact(*open_builtin(), 1, 150, 1);
    require_exact(*open_builtin(), 151, 2000, 23);
}

TEST_CASE("prompts have exactly the asked tokens where every letter is one") {
    const auto tokenizer = open_json(spelling_tokenizer());
    REQUIRE(tokenizer->count("The river, then.") == 14);
    require_exact(*tokenizer, 1, 120, 1);
    require_exact(*tokenizer, 121, 2000, 101);
}

TEST_CASE("prompts have exactly the asked tokens where the counts of words do not add up") {
    const auto tokenizer = open_json(unigram_tokenizer());
    REQUIRE(tokenizer->count("and the") < tokenizer->count("and") + tokenizer->count(" the"));
    require_exact(*tokenizer, 2, 120, 1);
    require_exact(*tokenizer, 121, 2000, 101);
}

TEST_CASE("a tokenizer that gives no such text is an error, not a hang") {
    nlohmann::json description = spelling_tokenizer();
    description["model"] = {{"type", "WordLevel"}, {"unk_token", "[UNK]"}, {"vocab", {{"[UNK]", 0}}}};
    description["pre_tokenizer"] = nullptr;  // a whole text is one word: one token, whatever it is
    const auto tokenizer = open_json(description);
    PromptSource source(tokenizer.get());
    REQUIRE(tokenizer->count(source.text(1, Rng(1))) == 1);
    REQUIRE_THROWS_AS(source.text(7, Rng(1)), aiperf::base::RunError);
    REQUIRE_THROWS_WITH(source.text(7, Rng(1)), Catch::Contains("exactly 7 tokens"));
}

TEST_CASE("what a word costs, and what the words beside it cost, is asked once") {
    const Asked tokenizer;
    PromptSource source(&tokenizer);
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        static_cast<void>(source.text(16, Rng(seed)));
    }
    constexpr int k_kinds = 8;  // of words: "the" is one of several
    REQUIRE(tokenizer.times().at("and") == 1);
    for (const auto& [text, times] : tokenizer.times()) {
        CAPTURE(text);
        REQUIRE(times <= k_kinds);
    }
}

TEST_CASE("equal generators give equal texts from any source, others give other texts") {
    PromptSource used(open_golden().get());
    std::set<std::string> texts;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const std::string text = used.text(30, Rng(seed));
        PromptSource fresh(open_golden().get());
        REQUIRE((seed % 20 != 0 || fresh.text(30, Rng(seed)) == text));
        texts.insert(text);
    }
    REQUIRE(texts.size() == 200);
}

TEST_CASE("a long prompt is prose: sentences, paragraphs, several hundred different words") {
    PromptSource source(open_builtin().get());
    const std::string text = source.text(5000, Rng(3));
    REQUIRE(std::count(text.begin(), text.end(), '.') > 200);
    REQUIRE(text.find("\n\n") != std::string::npos);
    REQUIRE(text.find("  ") == std::string::npos);
    std::set<std::string> words;
    std::string word;
    for (const char c : text) {
        if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        } else if (!word.empty()) {
            words.insert(std::exchange(word, {}));
        }
    }
    REQUIRE(words.size() > 400);
}
