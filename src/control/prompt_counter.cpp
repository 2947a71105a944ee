#include "prompt_counter.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/record/session.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>

namespace aiperf::control {

std::vector<SessionRecords> sessions_in(std::span<record::Record* const> records) {
    std::unordered_map<std::uint64_t, SessionRecords> by_number;
    for (record::Record* record : records) {
        by_number[record::session_number(*record)].push_back(record);
    }
    std::vector<SessionRecords> sessions;
    for (auto& [number, session] : by_number) {
        if (session.size() > 1) {
            std::sort(session.begin(), session.end(), [](const record::Record* a, const record::Record* b) {
                return a->turn < b->turn;
            });
            sessions.push_back(std::move(session));
        }
    }
    return sessions;
}

void count_prompts(const SessionRecords& session, const SpokenTexts& texts, const dataset::Tokenizer& tokenizer) {
    std::string prompt;
    for (std::size_t turn = 0; turn < session.size(); ++turn) {
        record::Record& record = *session[turn];
        const std::string_view said =
            record.turn == turn ? texts.turn(record.conversation, record.turn) : std::string_view{};
        if (said.empty()) {
            return;
        }
        prompt.append(prompt.empty() ? "" : " ").append(said);
        if (record.input_tokens == record::k_absent) {
            try {
                record.input_tokens = static_cast<std::int32_t>(tokenizer.count(prompt));
            } catch (const base::RunError&) {
                return;
            }
        }
        const std::string_view answer = record.error == 0 ? texts.answer(record) : std::string_view{};
        if (!answer.empty()) {
            prompt.append(" ").append(answer);
        }
    }
}

}  // namespace aiperf::control
