#pragma once

#include "aiperf/endpoint/endpoint.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

namespace aiperf::test {

/// What a reader found in one message of an answer; outlives the reader's next call.
struct ReadMessage {
    bool readable = false;
    std::string output{};
    std::string reasoning{};
    std::string tool{};
    endpoint::Usage usage{};
    bool has_usage = false;

    [[nodiscard]] bool has_content() const { return !output.empty() || !reasoning.empty() || !tool.empty(); }

    friend bool operator==(const ReadMessage&, const ReadMessage&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const ReadMessage& message) {
    return out << (message.readable ? "output '" : "unreadable '") << message.output << "', reasoning '"
               << message.reasoning << "', tool '" << message.tool << "', usage " << message.has_usage << " "
               << message.usage.prompt_tokens << "/" << message.usage.completion_tokens << "/"
               << message.usage.total_tokens << "/" << message.usage.reasoning_tokens << "/"
               << message.usage.cached_tokens;
}

/// Reads `json` from a buffer that is exactly as long as the reader asks for, with `behind` behind the message.
inline ReadMessage read_message(endpoint::AnswerReader& reader, std::string_view json, char behind = '"') {
    constexpr std::size_t k_padding = 64;
    const auto buffer = std::make_unique<char[]>(json.size() + k_padding);  // NOLINT: exactly so long
    std::copy(json.begin(), json.end(), buffer.get());
    std::memset(buffer.get() + json.size(), behind, k_padding);
    endpoint::Delta delta;
    ReadMessage message;
    message.readable = reader.read(buffer.get(), json.size(), delta);
    message.output = delta.output;
    message.reasoning = delta.reasoning;
    message.tool = delta.tool;
    message.usage = delta.usage;
    message.has_usage = delta.has_usage;
    return message;
}

/// True where an unreadable message carries nothing, and usage is there exactly where it says so.
inline bool is_sound(const ReadMessage& message) {
    return message.readable ? message.has_usage == message.usage.any() : message == ReadMessage{};
}

}  // namespace aiperf::test
