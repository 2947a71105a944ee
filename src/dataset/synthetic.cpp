#include "aiperf/dataset/synthetic.hpp"

#include "aiperf/base/rng.hpp"
#include "aiperf/dataset/prompt_source.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace aiperf::dataset {

namespace {

constexpr double k_most_turns = std::numeric_limits<std::uint16_t>::max();  // a record's turn has 16 bits

/// Numbers of one kind, drawn from a normal distribution.
class Draws {
public:
    Draws(double mean, double stddev, std::uint64_t seed) noexcept
        : mean_(mean),
          stddev_(stddev),
          rng_(seed) {}

    /// Rounded, at least 1.
    [[nodiscard]] std::uint32_t count(double most = std::numeric_limits<std::int32_t>::max()) noexcept {
        return static_cast<std::uint32_t>(std::clamp(std::round(next()), 1.0, most));
    }

    /// Whole milliseconds, at least 1, then multiplied.
    [[nodiscard]] base::Nanoseconds delay(double ratio) noexcept {
        constexpr double k_longest_ms = 1e12;  // its nanoseconds still fit
        constexpr double k_ns_of_a_ms = 1e6;
        const double milliseconds = std::min(std::max(1.0, std::trunc(next())) * ratio, k_longest_ms);
        return base::Nanoseconds(static_cast<std::int64_t>(milliseconds * k_ns_of_a_ms));
    }

private:
    [[nodiscard]] double next() noexcept { return stddev_ > 0 ? mean_ + stddev_ * rng_.normal() : mean_; }

    double mean_;
    double stddev_;
    base::Rng rng_;
};

}  // namespace

SyntheticConversations::SyntheticConversations(const SyntheticOptions& options, const Tokenizer* tokenizer)
    : counts_(tokenizer != nullptr),
      asks_(options.osl_mean.has_value()),
      prompt_seed_(base::derive_seed(options.seed, "dataset.prompt")) {
    const double added = tokenizer != nullptr ? tokenizer->added_special_tokens() : 0;
    const double input_mean = added > 0 ? std::max(1.0, options.isl_mean - added) : options.isl_mean;
    Draws inputs(input_mean, options.isl_stddev, base::derive_seed(options.seed, "dataset.isl"));
    Draws outputs(options.osl_mean.value_or(1), options.osl_stddev, base::derive_seed(options.seed, "dataset.osl"));
    Draws turns(options.turns_mean, options.turns_stddev, base::derive_seed(options.seed, "dataset.turns"));
    Draws delays(options.delay_mean, options.delay_stddev, base::derive_seed(options.seed, "dataset.delay"));
    first_turns_.reserve(options.entries + 1);
    for (std::uint64_t i = 0; i < options.entries; ++i) {
        first_turns_.push_back(turns_.size());
        const std::uint32_t count = turns.count(k_most_turns);
        for (std::uint32_t turn = 0; turn < count; ++turn) {
            DrawnTurn& drawn = turns_.emplace_back();
            drawn.tokens = inputs.count();
            drawn.max_tokens = asks_ ? outputs.count() : 0;
            drawn.delay = turn > 0 && options.delay_mean > 0 ? delays.delay(options.delay_ratio) : base::Nanoseconds{0};
        }
    }
    first_turns_.push_back(turns_.size());
}

std::string SyntheticConversations::id(std::size_t index) {
    char text[32];
    std::snprintf(text, sizeof text, "session_%06llu", static_cast<unsigned long long>(index));
    return text;
}

Conversation SyntheticConversations::make(std::size_t index, PromptSource& source) const {
    Conversation conversation{id(index), {}};
    conversation.turns.reserve(turns(index));
    for (std::size_t number = first_turns_[index]; number < first_turns_[index + 1]; ++number) {
        const DrawnTurn& drawn = turns_[number];
        Turn& turn = conversation.turns.emplace_back();
        turn.text = source.text(drawn.tokens, base::Rng(base::mix64(prompt_seed_ + number)));
        turn.input_tokens = counts_ ? std::optional(drawn.tokens) : std::nullopt;
        turn.max_tokens = asks_ ? std::optional(drawn.max_tokens) : std::nullopt;
        turn.delay = drawn.delay;
    }
    return conversation;
}

std::vector<Conversation> synthetic_conversations(const SyntheticOptions& options,
                                                  const Tokenizer* tokenizer,
                                                  const std::function<bool()>& cancelled) {
    const SyntheticConversations drawn(options, tokenizer);
    PromptSource source(tokenizer);
    std::vector<Conversation> conversations;
    conversations.reserve(drawn.size());
    for (std::size_t i = 0; i < drawn.size() && !(cancelled && cancelled()); ++i) {
        conversations.push_back(drawn.make(i, source));
    }
    return conversations;
}

}  // namespace aiperf::dataset
