#pragma once

#include "aiperf/dataset/tokenizer.hpp"
#include "aiperf/record/record.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace aiperf::control {

/// The texts that the prompts of a session are made of.
struct SpokenTexts {
    /// What the user says in a turn of a data-set entry; empty where that is not known.
    std::function<std::string_view(std::uint32_t conversation, std::uint16_t turn)> turn;
    /// What a good answer said.
    std::function<std::string_view(const record::Record&)> answer;
};

/// The records of one session, by turn.
using SessionRecords = std::vector<record::Record*>;

/// Sorts committed records by session; those without a second turn are left out.
[[nodiscard]] std::vector<SessionRecords> sessions_in(std::span<record::Record* const> records);

/// Counts the prompts of later turns: all texts that were sent, set apart by blanks, as AIPerf counts them. A turn that
/// has failed is there without an answer. From a turn on whose texts are not known, counts stay absent.
void count_prompts(const SessionRecords& session, const SpokenTexts& texts, const dataset::Tokenizer& tokenizer);

}  // namespace aiperf::control
