#pragma once

#include "aiperf/config/run_config.hpp"
#include "aiperf/dataset/dataset.hpp"
#include "aiperf/settings/settings.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace aiperf::endpoint {

/// A server's `usage` object. -1 = not given.
struct Usage {
    std::int32_t prompt_tokens = -1;      ///< tokens of the request
    std::int32_t completion_tokens = -1;  ///< tokens of the answer, reasoning included
    std::int32_t total_tokens = -1;       ///< of both
    std::int32_t reasoning_tokens = -1;   ///< part of completion_tokens
    std::int32_t cached_tokens = -1;      ///< part of prompt_tokens

    /// True where at least one of the three main counts is there.
    [[nodiscard]] bool any() const noexcept {
        return prompt_tokens >= 0 || completion_tokens >= 0 || total_tokens >= 0;
    }

    friend bool operator==(const Usage&, const Usage&) = default;
};

/// What one message of an answer carried. Views live until the reader's next call.
struct Delta {
    std::string_view output;     ///< visible text
    std::string_view reasoning;  ///< thinking text
    std::string_view tool;       ///< tool calls: names and argument text, in order of arrival
    Usage usage;                 ///< valid where has_usage is set
    bool has_usage = false;      ///< a non-empty usage object was there

    /// True where the message carried text of any kind.
    [[nodiscard]] bool has_content() const noexcept { return !output.empty() || !reasoning.empty() || !tool.empty(); }
};

/// Reads the messages of answers. One per worker. *Thread safety*: none.
class AnswerReader {
public:
    virtual ~AnswerReader() = default;

    /// Reads one JSON message (an SSE event's data, or a whole body). 64 bytes behind it must be readable. False = not
    /// JSON or of an unknown kind: it carries nothing.
    virtual bool read(const char* json, std::size_t size, Delta& delta) = 0;

    /// Reads a message that is like one before it, which needs no parser. True = `message` is one such, wholly, and has
    /// no line end; `delta` has no tool; where it has one text, that is the inside of a string in the message, and with
    /// any other plain text (plain_text.hpp) in its place the message would be read the same. False = it may be
    /// anything, and is for read().
    virtual bool read_alike(std::string_view /*message*/, Delta& /*delta*/) { return false; }
};

/// The body of a turn, and where what was said before it goes.
struct TurnBody {
    std::string body;               ///< the turn alone
    std::size_t message_at = 0;     ///< the turn's message in the body: the history goes before it, a comma behind each
    std::size_t message_bytes = 0;  ///< of it; 0 = there is no place for a history
};

/// How an answer stands in the history of later turns: between these two, as the inside of a JSON string. Both empty:
/// it does not.
struct AnswerFrame {
    std::string before;  ///< `{"role":"assistant","content":"`
    std::string after;   ///< `"}`

    friend bool operator==(const AnswerFrame&, const AnswerFrame&) = default;
};

/// One API of an inference server: how a request is written and an answer is read. One of the library's own is one
/// file, and its row in endpoint.cpp makes it known; one of a user's own is given to a run by
/// control::Environment::endpoint.
///
/// *Thread safety*: const calls from any thread.
class Endpoint {
public:
    virtual ~Endpoint() = default;

    /// By what name a process of the run finds it. Absent: one of a user's own, for workers that are threads.
    [[nodiscard]] virtual std::optional<config::EndpointType> type() const noexcept { return std::nullopt; }

    /// Path below the base URL, e.g. "/v1/chat/completions".
    [[nodiscard]] virtual std::string_view path() const noexcept = 0;

    /// JSON body of a request for one turn, made once, maybe while the run sends others already: model, text, length,
    /// stream, then the extra inputs (the last writer wins), then `stream_options.include_usage` where the merged body
    /// streams and does not say otherwise.
    [[nodiscard]] virtual std::string body(const dataset::Turn& turn,
                                           const config::RunConfig& config,
                                           const settings::Endpoint& settings) const = 0;

    /// The same for a turn of a conversation of several. By default body(), without a place for a history: each turn is
    /// sent alone.
    [[nodiscard]] virtual TurnBody turn_body(const dataset::Turn& turn,
                                             const config::RunConfig& config,
                                             const settings::Endpoint& settings) const {
        return {body(turn, config, settings)};
    }

    /// How answers stand in a history. By default they do not.
    [[nodiscard]] virtual AnswerFrame answer_frame(const settings::Endpoint& /*settings*/) const { return {}; }

    /// A reader for one worker.
    [[nodiscard]] virtual std::unique_ptr<AnswerReader> reader() const = 0;
};

/// A body as every endpoint finishes it: `body`, a JSON object, with --extra-inputs merged in (the last writer wins)
/// and `stream_options.include_usage` where it streams and does not say otherwise. Throws base::ConfigError for what is
/// no JSON object, and for an extra input of another shape.
[[nodiscard]] std::string finished_body(std::string_view body, const config::RunConfig& config);

/// The endpoint of a type. *Lifetime*: static.
[[nodiscard]] const Endpoint& endpoint_of(config::EndpointType type);

}  // namespace aiperf::endpoint
