#include "aiperf/dataset/synthetic.hpp"

#include "tokenizer_fixtures.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <set>
#include <sstream>

using namespace aiperf::dataset;

namespace {

std::vector<std::string> texts_of(const std::vector<Conversation>& conversations) {
    std::vector<std::string> texts;
    for (const Conversation& conversation : conversations) {
        texts.push_back(conversation.turns.at(0).text);
    }
    return texts;
}

std::size_t words_in(const std::string& text) {
    std::istringstream stream(text);
    std::size_t words = 0;
    for (std::string word; stream >> word;) {
        ++words;
    }
    return words;
}

}  // namespace

TEST_CASE("conversations are numbered, of one turn, and tell their exact input tokens") {
    SyntheticOptions options;
    options.entries = 12;
    options.isl_mean = 80;
    options.isl_stddev = 25;
    options.seed = 5;
    const auto made = synthetic_conversations(options, open_golden().get());
    REQUIRE(made.size() == 12);
    REQUIRE(made[0].id == "session_000000");
    REQUIRE(made[11].id == "session_000011");
    std::set<std::uint32_t> lengths;
    for (const Conversation& conversation : made) {
        REQUIRE(conversation.turns.size() == 1);
        const Turn& turn = conversation.turns[0];
        REQUIRE(turn.input_tokens == open_golden()->count(turn.text));
        REQUIRE_FALSE(turn.max_tokens.has_value());
        lengths.insert(*turn.input_tokens);
    }
    REQUIRE(lengths.size() > 6);
}

TEST_CASE("a deviation of zero gives the mean, rounded, for every prompt") {
    SyntheticOptions options;
    options.entries = 5;
    options.isl_mean = 41.6;
    options.osl_mean = 17;
    for (const Conversation& conversation : synthetic_conversations(options, open_builtin().get())) {
        REQUIRE(conversation.turns[0].input_tokens == 42);
        REQUIRE(conversation.turns[0].max_tokens == 17);
    }
}

TEST_CASE("equal options give equal prompts; another seed, other prompts; no two entries are equal") {
    SyntheticOptions options;
    options.entries = 60;
    options.isl_mean = 50;
    options.isl_stddev = 10;
    options.osl_mean = 100;
    options.osl_stddev = 30;
    options.seed = 42;
    const auto first = synthetic_conversations(options, open_golden().get());
    const auto again = synthetic_conversations(options, open_golden().get());
    const auto texts = texts_of(first);
    REQUIRE(texts == texts_of(again));
    REQUIRE(std::set<std::string>(texts.begin(), texts.end()).size() == 60);
    for (std::size_t i = 0; i < first.size(); ++i) {
        REQUIRE(first[i].turns[0].max_tokens == again[i].turns[0].max_tokens);
    }
    options.seed = 43;
    const auto other = texts_of(synthetic_conversations(options, open_golden().get()));
    for (std::size_t i = 0; i < texts.size(); ++i) {
        REQUIRE(other[i] != texts[i]);
    }
}

TEST_CASE("asking for output lengths, or for more entries, leaves the prompts as they are") {
    SyntheticOptions options;
    options.entries = 10;
    options.isl_mean = 30;
    options.isl_stddev = 9;
    const auto plain = texts_of(synthetic_conversations(options, open_golden().get()));
    options.osl_mean = 64;
    options.osl_stddev = 20;
    options.entries = 25;
    auto more = texts_of(synthetic_conversations(options, open_golden().get()));
    more.resize(10);
    REQUIRE(more == plain);
}

TEST_CASE("special tokens that the tokenizer adds are taken off the mean") {
    const auto tokenizer = open_json(golden_with_special_tokens());
    SyntheticOptions options;
    options.entries = 3;
    options.isl_mean = 40;
    for (const Conversation& conversation : synthetic_conversations(options, tokenizer.get())) {
        REQUIRE(conversation.turns[0].input_tokens == 38);
        REQUIRE(tokenizer->count(conversation.turns[0].text) == 38);
    }
    options.isl_mean = 2;
    REQUIRE(synthetic_conversations(options, tokenizer.get())[0].turns[0].input_tokens == 1);
}

TEST_CASE("drawn lengths have the asked mean and deviation, and are never below one") {
    SyntheticOptions options;
    options.entries = 4000;
    options.isl_mean = 1;
    options.isl_stddev = 4;
    options.osl_mean = 500;
    options.osl_stddev = 50;
    double sum = 0;
    double squares = 0;
    for (const Conversation& conversation : synthetic_conversations(options, nullptr)) {
        REQUIRE(words_in(conversation.turns[0].text) >= 1);
        const double tokens = *conversation.turns[0].max_tokens;
        sum += tokens;
        squares += tokens * tokens;
    }
    const double mean = sum / 4000;
    REQUIRE(std::abs(mean - 500) < 4);
    REQUIRE(std::abs(std::sqrt(squares / 4000 - mean * mean) - 50) < 3);
}

TEST_CASE("without a tokenizer lengths are in words and input tokens are absent") {
    SyntheticOptions options;
    options.entries = 20;
    options.isl_mean = 33;
    for (const Conversation& conversation : synthetic_conversations(options, nullptr)) {
        REQUIRE(words_in(conversation.turns[0].text) == 33);
        REQUIRE_FALSE(conversation.turns[0].input_tokens.has_value());
    }
}

TEST_CASE("a cancel ends the making of conversations after the one at hand") {
    SyntheticOptions options;
    options.entries = 50'000;
    int asked = 0;
    CHECK(synthetic_conversations(options, open_golden().get(), [&] { return ++asked > 3; }).size() == 3);
}

TEST_CASE("sessions have as many turns as are drawn, each of the asked length, with its own text") {
    SyntheticOptions options;
    options.entries = 40;
    options.isl_mean = 9;
    options.osl_mean = 3;
    options.turns_mean = 3;
    options.turns_stddev = 2;
    options.seed = 11;
    std::set<std::size_t> counts;
    std::set<std::string> texts;
    std::size_t turns = 0;
    for (const Conversation& conversation : synthetic_conversations(options, open_golden().get())) {
        counts.insert(conversation.turns.size());
        for (const Turn& turn : conversation.turns) {
            ++turns;
            texts.insert(turn.text);
            CHECK(open_golden()->count(turn.text) == 9);
            CHECK((turn.input_tokens == 9U && turn.max_tokens == 3U));
            CHECK(turn.delay.count() == 0);
        }
    }
    CHECK(counts.size() > 3);
    CHECK(*counts.begin() == 1);
    CHECK(texts.size() == turns);
    options.turns_stddev = 0;
    for (const Conversation& conversation : synthetic_conversations(options, open_golden().get())) {
        CHECK(conversation.turns.size() == 3);
    }
}

TEST_CASE("delays are whole milliseconds, at least one, times the ratio, and never before a first turn") {
    using std::chrono::microseconds;
    SyntheticOptions options;
    options.entries = 3;
    options.isl_mean = 2;
    options.turns_mean = 4;
    options.delay_mean = 10.7;
    const auto delays = [&options] {
        std::vector<aiperf::base::Nanoseconds> found;
        for (const Conversation& conversation : synthetic_conversations(options, nullptr)) {
            CHECK(conversation.turns.front().delay.count() == 0);
            for (std::size_t turn = 1; turn < conversation.turns.size(); ++turn) {
                found.push_back(conversation.turns[turn].delay);
            }
        }
        return found;
    };
    CHECK(delays() == std::vector<aiperf::base::Nanoseconds>(9, microseconds(10'000)));
    options.delay_ratio = 0.25;
    CHECK(delays() == std::vector<aiperf::base::Nanoseconds>(9, microseconds(2'500)));
    options.delay_mean = 0.2;
    CHECK(delays() == std::vector<aiperf::base::Nanoseconds>(9, microseconds(250)));
    options.delay_mean = 50;
    options.delay_stddev = 100;
    options.delay_ratio = 1;
    const auto drawn = delays();
    CHECK(std::set(drawn.begin(), drawn.end()).size() > 4);
    for (const aiperf::base::Nanoseconds delay : drawn) {
        CHECK((delay >= microseconds(1000) && delay % microseconds(1000) == microseconds(0)));
    }
    options.delay_ratio = 0;
    for (const aiperf::base::Nanoseconds delay : delays()) {
        CHECK(delay.count() == 0);
    }
}

TEST_CASE("fewer conversations are the first of more, and turns do not change what a single turn says") {
    SyntheticOptions options;
    options.entries = 8;
    options.isl_mean = 20;
    options.isl_stddev = 5;
    options.turns_mean = 2;
    options.turns_stddev = 1;
    options.delay_mean = 5;
    options.delay_stddev = 2;
    const auto all = synthetic_conversations(options, nullptr);
    options.entries = 3;
    const auto few = synthetic_conversations(options, nullptr);
    for (std::size_t i = 0; i < 3; ++i) {
        REQUIRE(few[i].turns.size() == all[i].turns.size());
        for (std::size_t turn = 0; turn < few[i].turns.size(); ++turn) {
            CHECK(few[i].turns[turn].text == all[i].turns[turn].text);
            CHECK(few[i].turns[turn].delay == all[i].turns[turn].delay);
        }
    }
}

TEST_CASE("conversations made one at a time, in any order and by several sources, are those made in a row") {
    SyntheticOptions options;
    options.entries = 12;
    options.isl_mean = 30;
    options.isl_stddev = 9;
    options.osl_mean = 20;
    options.osl_stddev = 5;
    options.turns_mean = 2;
    options.turns_stddev = 1;
    options.delay_mean = 5;
    options.delay_stddev = 2;
    options.seed = 5;
    const auto tokenizer = open_golden();
    for (const Tokenizer* counts : {tokenizer.get(), static_cast<const Tokenizer*>(nullptr)}) {
        const auto all = synthetic_conversations(options, counts);
        const SyntheticConversations drawn(options, counts);
        REQUIRE(drawn.size() == all.size());
        std::array<PromptSource, 2> sources{PromptSource(counts), PromptSource(counts)};
        for (std::size_t index = all.size(); index-- > 0;) {
            const Conversation one = drawn.make(index, sources[index % 2]);
            CHECK((one.id == all[index].id && one.id == SyntheticConversations::id(index)));
            REQUIRE(one.turns.size() == all[index].turns.size());
            CHECK(drawn.turns(index) == one.turns.size());
            for (std::size_t turn = 0; turn < one.turns.size(); ++turn) {
                const Turn& expected = all[index].turns[turn];
                CHECK(one.turns[turn].text == expected.text);
                CHECK(one.turns[turn].max_tokens == expected.max_tokens);
                CHECK(one.turns[turn].input_tokens == expected.input_tokens);
                CHECK(one.turns[turn].delay == expected.delay);
            }
        }
    }
}
