#pragma once

#include "aiperf/endpoint/endpoint.hpp"

#include <memory>

namespace aiperf::endpoint {

/// Where the text is in `choices[0]`.
enum class ChoiceShape : std::uint8_t {
    chat,        ///< `message` or `delta`, objects named chat.completion[.chunk]
    completion,  ///< `text`
};

/// The reader of OpenAI-shaped answers, streamed or whole. Only choices[0] counts.
[[nodiscard]] std::unique_ptr<AnswerReader> completion_reader(ChoiceShape shape);

}  // namespace aiperf::endpoint
