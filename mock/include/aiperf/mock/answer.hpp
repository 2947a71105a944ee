#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::mock {

/// What a step does to the connection instead of writing.
enum class Action : std::uint8_t { none, close, reset };

/// What finishing a step means to the log: nothing, the head of a stream has gone, an event (or a whole body) has.
enum class Mark : std::uint8_t { none, head, event };

/// A piece of an answer that is released at one moment.
struct Step {
    std::int64_t delay_ns = 0;  ///< after the previous step was due; for the first, after the request arrived
    double jitter_ns = 0;       ///< standard deviation added to delay_ns, the sum cut at 0
    std::uint32_t end = 0;      ///< offset in Answer::bytes where the piece ends
    Action action = Action::none;
    Mark mark = Mark::none;
};

/// An answer ready to be sent: its bytes in wire order and when they go. Immutable once built, shared by requests.
struct Answer {
    std::string bytes;
    std::uint32_t head_end = 0;  ///< where the head (status line, headers, empty line) ends
    std::vector<Step> steps;     ///< at least one
    std::uint16_t status = 200;  ///< 0 where nothing is answered
    bool stream = false;
    bool separate_writes = false;  ///< each step gets a write of its own, even where several are due together
    bool close_after = false;      ///< the framing needs, or the head announces, the end of the connection
};

using AnswerPtr = std::shared_ptr<const Answer>;

/// How answers to one request are framed.
struct Framing {
    bool legacy = false;        ///< HTTP/1.0: streams end with the connection
    bool close = false;         ///< the head says that the connection ends
    bool close_stream = false;  ///< so does the head of a stream, whatever `close` says
    bool operator==(const Framing&) const = default;
};

inline constexpr std::size_t k_framings = 8;

/// 0 to k_framings - 1.
[[nodiscard]] constexpr std::size_t index_of(Framing framing) noexcept {
    return (framing.close_stream ? 4U : 0U) + (framing.legacy ? 2U : 0U) + (framing.close ? 1U : 0U);
}

/// Status line and headers of answers.
struct HeadFields {
    std::uint16_t status = 200;
    std::string reason;        ///< empty: the usual one
    std::string content_type;  ///< not sent where `headers` has one
    std::vector<std::pair<std::string, std::string>> headers;
};

/// Writes the pieces of one answer in order. Bytes of a stream are framed as the framing wants.
class AnswerBuilder {
public:
    AnswerBuilder(const HeadFields& head, Framing framing);

    /// An answer with Content-Length. It goes in two steps, the second without delay, cut at `cut` bytes of the body
    /// (npos: in the middle).
    AnswerPtr whole(std::string_view body,
                    std::int64_t delay_ns,
                    double jitter_ns = 0,
                    std::size_t cut = npos,
                    std::int64_t cut_delay_ns = 0);

    /// Starts a stream: its head goes after `delay_ns`.
    void begin_stream(std::int64_t delay_ns, double jitter_ns = 0, std::size_t expected_bytes = 0);

    /// One chunk of a stream.
    void event(std::string_view bytes, std::int64_t delay_ns, double jitter_ns = 0, Mark mark = Mark::event);

    /// The stream breaks off here.
    void action(Action action, std::int64_t delay_ns);

    /// Ends the stream; nothing can follow.
    AnswerPtr end_stream(bool separate_writes);

    static constexpr std::size_t npos = static_cast<std::size_t>(-1);

private:
    void write_head(std::string_view body_field);

    const HeadFields& head_;
    Framing framing_;
    Answer answer_;
};

/// No answer: the connection is closed or reset after `delay_ns`.
[[nodiscard]] AnswerPtr make_action_answer(Action action, std::int64_t delay_ns);

/// {"error": {"message", "type", "code"}} with that status.
[[nodiscard]] AnswerPtr make_error_answer(
    std::uint16_t status, std::string_view message, Framing framing, std::int64_t delay_ns = 0, double jitter_ns = 0);

/// The usual reason phrase; "Unknown" for a status without one.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status) noexcept;

}  // namespace aiperf::mock
