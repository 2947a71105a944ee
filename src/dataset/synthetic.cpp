#include "aiperf/dataset/synthetic.hpp"

#include "aiperf/base/rng.hpp"
#include "aiperf/dataset/prompt_source.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace aiperf::dataset {

namespace {

/// Lengths of one kind: normal, rounded, at least 1.
class LengthStream {
public:
    LengthStream(double mean, double stddev, std::uint64_t seed) noexcept
        : mean_(mean),
          stddev_(stddev),
          rng_(seed) {}

    [[nodiscard]] std::uint32_t next() noexcept {
        const double drawn = stddev_ > 0 ? mean_ + stddev_ * rng_.normal() : mean_;
        constexpr double k_most = std::numeric_limits<std::int32_t>::max();
        return static_cast<std::uint32_t>(std::clamp(std::round(drawn), 1.0, k_most));
    }

private:
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
    LengthStream inputs(input_mean, options.isl_stddev, base::derive_seed(options.seed, "dataset.isl"));
    LengthStream outputs(
        options.osl_mean.value_or(1), options.osl_stddev, base::derive_seed(options.seed, "dataset.osl"));
    const std::uint64_t prompt_seed = base::derive_seed(options.seed, "dataset.prompt");
    PromptSource source(tokenizer);

    std::vector<Conversation> conversations;
    conversations.reserve(options.entries);
    for (std::uint64_t i = 0; i < options.entries && !(cancelled && cancelled()); ++i) {
        const std::uint32_t tokens = inputs.next();
        Turn turn;
        turn.text = source.text(tokens, base::Rng(base::mix64(prompt_seed + i)));
        if (tokenizer != nullptr) {
            turn.input_tokens = tokens;
        }
        if (options.osl_mean) {
            turn.max_tokens = outputs.next();
        }
        conversations.push_back({session_id(i), {std::move(turn)}});
    }
    return conversations;
}

}  // namespace aiperf::dataset
