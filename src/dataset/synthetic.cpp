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

std::string session_id(std::uint64_t number) {
    char text[32];
    std::snprintf(text, sizeof text, "session_%06llu", static_cast<unsigned long long>(number));
    return text;
}

}  // namespace

std::vector<Conversation> synthetic_conversations(const SyntheticOptions& options,
                                                  const Tokenizer* tokenizer,
                                                  const std::function<bool()>& cancelled) {
    const double added = tokenizer != nullptr ? tokenizer->added_special_tokens() : 0;
    const double input_mean = added > 0 ? std::max(1.0, options.isl_mean - added) : options.isl_mean;
    Draws inputs(input_mean, options.isl_stddev, base::derive_seed(options.seed, "dataset.isl"));
    Draws outputs(options.osl_mean.value_or(1), options.osl_stddev, base::derive_seed(options.seed, "dataset.osl"));
    Draws turns(options.turns_mean, options.turns_stddev, base::derive_seed(options.seed, "dataset.turns"));
    Draws delays(options.delay_mean, options.delay_stddev, base::derive_seed(options.seed, "dataset.delay"));
    const std::uint64_t prompt_seed = base::derive_seed(options.seed, "dataset.prompt");
    std::uint64_t texts = 0;
    PromptSource source(tokenizer);
    const auto next_turn = [&](bool first) {
        const std::uint32_t tokens = inputs.count();
        Turn turn;
        turn.text = source.text(tokens, base::Rng(base::mix64(prompt_seed + texts++)));
        if (tokenizer != nullptr) {
            turn.input_tokens = tokens;
        }
        if (options.osl_mean) {
            turn.max_tokens = outputs.count();
        }
        if (!first && options.delay_mean > 0) {
            turn.delay = delays.delay(options.delay_ratio);
        }
        return turn;
    };

    std::vector<Conversation> conversations;
    conversations.reserve(options.entries);
    for (std::uint64_t i = 0; i < options.entries && !(cancelled && cancelled()); ++i) {
        Conversation& conversation = conversations.emplace_back(Conversation{session_id(i), {}});
        const std::uint32_t count = turns.count(k_most_turns);
        for (std::uint32_t turn = 0; turn < count; ++turn) {
            conversation.turns.push_back(next_turn(turn == 0));
        }
    }
    return conversations;
}

}  // namespace aiperf::dataset
