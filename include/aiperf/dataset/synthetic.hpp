#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/dataset/dataset.hpp"
#include "aiperf/dataset/prompt_source.hpp"
#include "aiperf/dataset/tokenizer.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
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
/// are used) lengths are in words and input_tokens is absent. What is drawn takes a moment and is there at once; texts
/// take long, are made one conversation at a time and in any order.
///
/// *Thread safety*: const calls from any thread.
class SyntheticConversations {
public:
    /// Draws lengths, turns and delays. `tokenizer` must outlive this.
    SyntheticConversations(const SyntheticOptions& options, const Tokenizer* tokenizer);

    /// How many there are.
    [[nodiscard]] std::size_t size() const noexcept { return first_turns_.size() - 1; }

    /// Turns of one, at least one. `index` must be below size(); so everywhere here.
    [[nodiscard]] std::size_t turns(std::size_t index) const noexcept {
        return first_turns_[index + 1] - first_turns_[index];
    }

    /// What artifacts call it.
    [[nodiscard]] static std::string id(std::size_t index);

    /// A conversation with its texts. `source` is of the same tokenizer. Throws as PromptSource::text().
    [[nodiscard]] Conversation make(std::size_t index, PromptSource& source) const;

private:
    struct DrawnTurn {
        std::uint32_t tokens = 0;
        std::uint32_t max_tokens = 0;
        base::Nanoseconds delay{0};
    };

    bool counts_ = false;  // there is a tokenizer
    bool asks_ = false;    // turns ask for a length
    std::uint64_t prompt_seed_ = 0;
    std::vector<DrawnTurn> turns_;
    std::vector<std::size_t> first_turns_;  // by conversation, and one behind the last
};

/// All of them. `cancelled`, if given, is asked before each one; once true, those made so far are returned.
[[nodiscard]] std::vector<Conversation> synthetic_conversations(const SyntheticOptions& options,
                                                                const Tokenizer* tokenizer,
                                                                const std::function<bool()>& cancelled = {});

}  // namespace aiperf::dataset
