#pragma once

#include "aiperf/base/rng.hpp"
#include "aiperf/mock/answer.hpp"
#include "aiperf/mock/body_facts.hpp"
#include "aiperf/mock/options.hpp"
#include "aiperf/mock/responder.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace aiperf::mock {

/// Which API an answer speaks.
enum class Api : std::uint8_t { chat, completions };

/// Everything the bytes and delays of a generated answer depend on, beside the options.
struct AnswerKey {
    Api api = Api::chat;
    bool stream = false;
    bool usage = false;
    bool limited = false;  ///< the request's limit ended the text: finish_reason "length", else "stop"
    Framing framing;
    std::uint32_t tokens = 0;
    std::uint32_t prompt_tokens = 0;
    std::uint32_t model = 0;  ///< number of the model's name

    bool operator==(const AnswerKey&) const = default;
};

struct AnswerKeyHash {
    [[nodiscard]] std::size_t operator()(const AnswerKey& key) const noexcept {
        const std::uint64_t flags = (static_cast<std::uint64_t>(key.api) << 8U) | (key.stream ? 1U : 0U) |
                                    (key.usage ? 2U : 0U) | (key.limited ? 4U : 0U) | (index_of(key.framing) << 4U);
        return base::mix64(base::mix64((std::uint64_t{key.tokens} << 32U) | key.prompt_tokens) ^
                           ((std::uint64_t{key.model} << 16U) | flags));
    }
};

/// The answer for `key`, with `model` as its name; `created_s` is the Unix time it states.
[[nodiscard]] AnswerPtr make_answer(const Options& options,
                                    const AnswerKey& key,
                                    std::string_view model,
                                    std::int64_t created_s);

/// Answers generated from Options: chat and text completions, the model list, health. Each distinct answer is built
/// once and kept (up to a memory budget).
class GeneratedResponder final : public Responder {
public:
    /// `options` and `next_number` must outlive the responder; `next_number` counts the requests of all workers.
    GeneratedResponder(const Options& options, std::int64_t created_s, std::atomic<std::uint64_t>& next_number);

    Reply reply(const Request& request, Framing framing) override;

private:
    Reply complete(Api api, const Request& request, Framing framing);
    AnswerKey key_of(Api api, const Request& request, Framing framing) const;
    AnswerPtr cached(const AnswerKey& key);
    AnswerPtr fixed(std::size_t which, Framing framing, const std::string& body);
    AnswerPtr drawn_error(Framing framing);
    Fault draw_fault(double draw, const Answer& answer) const;
    std::uint32_t model_number(std::string_view model);

    const Options& options_;
    std::int64_t created_s_;
    std::atomic<std::uint64_t>& next_number_;
    bool reads_body_;
    bool draws_;
    std::string models_body_;
    BodyReader reader_;
    BodyFacts facts_;
    std::vector<std::string> model_names_;
    std::unordered_map<AnswerKey, AnswerPtr, AnswerKeyHash> answers_;
    std::size_t answer_bytes_ = 0;
    std::array<std::array<AnswerPtr, k_framings>, 2> fixed_;
};

}  // namespace aiperf::mock
