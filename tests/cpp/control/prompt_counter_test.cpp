#include "prompt_counter.hpp"

#include "aiperf/base/error.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

using namespace aiperf;  // NOLINT: a test
using control::count_prompts;
using control::SessionRecords;
using control::sessions_in;
using control::SpokenTexts;
using record::Record;

namespace {

/// Each byte is a token, and what was counted is remembered.
class Bytes final : public dataset::Tokenizer {
public:
    [[nodiscard]] std::vector<dataset::TokenId> encode(std::string_view /*text*/) const override { return {}; }

    [[nodiscard]] std::size_t count(std::string_view text) const override {
        counted.emplace_back(text);
        if (text.find("indigestible") != std::string_view::npos) {
            throw base::RunError("cannot");
        }
        return text.size();
    }

    [[nodiscard]] std::string decode(const std::vector<dataset::TokenId>& /*ids*/) const override { return {}; }

    [[nodiscard]] std::uint32_t added_special_tokens() const noexcept override { return 0; }

    [[nodiscard]] const std::string& source() const noexcept override { return source_; }

    mutable std::vector<std::string> counted;

private:
    std::string source_ = "bytes";
};

std::vector<Record> turns(std::size_t count) {
    std::vector<Record> records(count);
    for (std::size_t turn = 0; turn < count; ++turn) {
        records[turn].turn = static_cast<std::uint16_t>(turn);
        records[turn].conversation = 4;
    }
    records.front().input_tokens = 7;
    return records;
}

SessionRecords pointers(std::vector<Record>& records) {
    SessionRecords session;
    for (Record& record : records) {
        session.push_back(&record);
    }
    return session;
}

/// User texts "one", "two", "three", … and an answer "a<turn>".
struct Talk {
    std::vector<std::string> said{"one", "two", "three"};
    std::map<std::uint16_t, std::string> answers{{0, "a0"}, {1, "a1"}, {2, "a2"}};

    [[nodiscard]] SpokenTexts texts() const {
        return {[this](std::uint32_t /*conversation*/, std::uint16_t turn) -> std::string_view {
                    return turn < said.size() ? std::string_view(said[turn]) : std::string_view{};
                },
                [this](const Record& record) -> std::string_view { return answers.at(record.turn); }};
    }
};

}  // namespace

TEST_CASE("A later turn's prompt is all that was said, set apart by blanks; a first turn keeps its count") {
    std::vector<Record> records = turns(3);
    const Talk talk;
    const Bytes tokenizer;
    count_prompts(pointers(records), talk.texts(), tokenizer);
    CHECK(tokenizer.counted == std::vector<std::string>{"one a0 two", "one a0 two a1 three"});
    CHECK(records[0].input_tokens == 7);
    CHECK(records[1].input_tokens == 10);
    CHECK(records[2].input_tokens == 19);
}

TEST_CASE("A turn that failed, or said nothing, is there without an answer") {
    std::vector<Record> records = turns(3);
    records[0].error = static_cast<std::uint8_t>(record::ErrorKind::http_status);
    Talk talk;
    talk.answers[1] = "";
    const Bytes tokenizer;
    count_prompts(pointers(records), talk.texts(), tokenizer);
    CHECK(tokenizer.counted == std::vector<std::string>{"one two", "one two three"});
}

TEST_CASE("From a turn on whose texts are not known, counts stay absent") {
    const Bytes tokenizer;
    Talk talk;
    talk.said.pop_back();
    std::vector<Record> unknown = turns(3);
    count_prompts(pointers(unknown), talk.texts(), tokenizer);
    CHECK((unknown[1].input_tokens == 10 && unknown[2].input_tokens == record::k_absent));
    std::vector<Record> gap = turns(3);
    gap[1].turn = 2;  // the second one was lost
    count_prompts(pointers(gap), Talk{}.texts(), tokenizer);
    CHECK((gap[1].input_tokens == record::k_absent && gap[2].input_tokens == record::k_absent));
    talk.said = {"one", "indigestible", "three"};
    std::vector<Record> bad = turns(3);
    count_prompts(pointers(bad), talk.texts(), tokenizer);
    CHECK((bad[1].input_tokens == record::k_absent && bad[2].input_tokens == record::k_absent));
}

TEST_CASE("Records are sorted by session and turn; sessions of other phases are others") {
    std::vector<Record> records(6);
    records[0].session = 1;
    records[1].session = 1;
    records[1].turn = 2;
    records[2].session = 1;
    records[2].turn = 1;
    records[3].session = 2;
    records[4].session = 1;
    records[4].phase = 1;
    records[5].session = 1;
    records[5].phase = 1;
    records[5].turn = 1;
    auto sessions = sessions_in(pointers(records));
    REQUIRE(sessions.size() == 2);
    std::sort(sessions.begin(), sessions.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
    CHECK(sessions[0] == SessionRecords{&records[0], &records[2], &records[1]});
    CHECK(sessions[1] == SessionRecords{&records[4], &records[5]});
}
