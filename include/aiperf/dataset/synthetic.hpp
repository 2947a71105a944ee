#pragma once

#include "aiperf/dataset/dataset.hpp"
#include "aiperf/dataset/tokenizer.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace aiperf::dataset {

/// Shape of synthetic conversations. Lengths and numbers of turns are drawn from normal distributions, rounded, at
/// least 1.
struct SyntheticOptions {
    std::uint64_t entries = 100;     ///< distinct conversations
    double isl_mean = 550.0;         ///< tokens; the tokenizer's added special tokens are subtracted once
    double isl_stddev = 0.0;         ///< tokens
    std::optional<double> osl_mean;  ///< absent: no turn asks for a length
    double osl_stddev = 0.0;         ///< tokens
    double turns_mean = 1.0;         ///< turns of a conversation
    double turns_stddev = 0.0;       ///< turns
    double delay_mean = 0.0;    ///< milliseconds before each turn but the first, whole ones, at least 1; 0 = no delays
    double delay_stddev = 0.0;  ///< milliseconds
    double delay_ratio = 1.0;   ///< delays are multiplied by it
    std::uint64_t seed = 0;     ///< equal seeds give equal prompts
};

/// `entries` conversations named session_000000… whose texts encode to exactly the drawn number of tokens each. Equal
/// options and tokenizer, equal text; fewer entries are the first of more. Without a tokenizer (nullptr: server counts
/// are used) lengths are in words and input_tokens is absent. `cancelled`, if given, is asked before each one; once
/// true, those made so far are returned.
[[nodiscard]] std::vector<Conversation> synthetic_conversations(const SyntheticOptions& options,
                                                                const Tokenizer* tokenizer,
                                                                const std::function<bool()>& cancelled = {});

}  // namespace aiperf::dataset
