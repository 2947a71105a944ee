#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/http/content_decoder.hpp"
#include "aiperf/http/response_parser.hpp"
#include "aiperf/http/sse.hpp"
#include "aiperf/load/event_row.hpp"
#include "aiperf/record/record.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::load {

/// An answer being read: takes bytes as they come, with the time of the read, and leaves stamps, counts, events, text
/// and the error in the request's record and here. One object serves many requests and keeps its buffers. *Thread
/// safety*: none.
class Answer {
public:
    /// Longest error body kept, in bytes.
    static constexpr std::size_t k_error_body_limit = 64UL * 1024;

    /// Of the bytes of the next feed(): how long the newest had lain in the kernel (0 = not known), and how late their
    /// reader was awake. Where they hold several messages, the first may have lain there for so long.
    void note_read(std::uint32_t lag_ns, base::Nanoseconds late) noexcept {
        lag_ns_ = lag_ns;
        late_ = late;
    }

    /// Begins a new answer for `record`. `keep_text`: text is needed later (to be counted).
    void begin(record::Record& record, bool keep_text);

    /// Takes bytes read at `now_ns`; http::SseParser::k_padding bytes behind them must be readable. Returns the bytes
    /// used: less than `size` only once over().
    std::size_t feed(char* data, std::size_t size, std::int64_t now_ns, endpoint::AnswerReader& reader);

    /// The same for an answer whose framing another reads (HTTP/2): its head, pieces of its body, its end.
    void framed_head(const http::ResponseHead& head, std::int64_t now_ns);
    /// Bytes of its body. *Units*: `now_ns` on CLOCK_MONOTONIC.
    void framed_body(char* data, std::size_t size, std::int64_t now_ns, endpoint::AnswerReader& reader);
    /// Its end.
    void framed_end(std::int64_t now_ns, endpoint::AnswerReader& reader);

    /// The answer is complete, or cannot go on.
    [[nodiscard]] bool over() const noexcept {
        return parser_.state() == http::ResponseParser::State::done ||
               parser_.state() == http::ResponseParser::State::failed || given_up_;
    }

    /// True once a byte of the answer came.
    [[nodiscard]] bool started() const noexcept { return parser_.started(); }

    /// True where the connection can carry another request after it.
    [[nodiscard]] bool connection_reusable() const noexcept {
        return parser_.state() == http::ResponseParser::State::done && parser_.keep_alive() && !given_up_;
    }

    /// True where the end of the connection is the only end of the body.
    [[nodiscard]] bool ends_by_close() const noexcept { return parser_.ends_by_close(); }

    /// Where a whole answer sends the request instead; empty for any other.
    [[nodiscard]] std::string_view redirected_to() const noexcept {
        return parser_.state() == http::ResponseParser::State::done ? std::string_view(location_) : std::string_view();
    }

    /// The redirect stays an error: `why`.
    void not_followed(const std::string& why);

    /// The peer closed its side in good order.
    void closed_by_peer(std::int64_t now_ns, endpoint::AnswerReader& reader);

    /// The connection broke (`error_number`).
    void broken(int error_number);

    /// Ends the request from our side, or before there was a connection.
    void fail(record::ErrorKind kind, std::string message);

    /// Decides the outcome and writes stamps and counts into the record. Call once, when over.
    void finish(std::int64_t now_ns);

    /// Messages so far, in order.
    [[nodiscard]] const std::vector<record::Event>& events() const noexcept { return events_; }

    /// Visible text so far.
    [[nodiscard]] std::string_view output() const noexcept { return output_; }

    /// Thinking text so far.
    [[nodiscard]] std::string_view reasoning() const noexcept { return reasoning_; }

    /// Error text as error_details() expects it; empty for a good answer.
    [[nodiscard]] std::string_view error() const noexcept { return error_; }

private:
    struct Sink;

    void take_head(const http::ResponseHead& head);
    void take_body(char* data, std::size_t size, endpoint::AnswerReader& reader);
    void take_plain_body(char* data, std::size_t size, endpoint::AnswerReader& reader);
    std::size_t take_row(std::string_view bytes, std::uint64_t& body_bytes);
    bool take_lone_event(std::string_view bytes, endpoint::AnswerReader& reader);
    void take_event(std::string_view name, char* data, std::size_t size, endpoint::AnswerReader& reader);
    void take_delta(const endpoint::Delta& delta, bool readable);
    record::Event& add_event(record::EventKind kind, std::size_t text_bytes);
    void bound_lag(record::Event& event) const noexcept;
    void spoil(const std::string& why);
    void take_whole_body(endpoint::AnswerReader& reader);
    void decide_error();
    void note_content() noexcept;

    record::Record* record_ = nullptr;
    http::ResponseParser parser_;
    http::SseParser sse_;
    bool keep_text_ = false;
    bool bad_status_ = false;
    bool given_up_ = false;           // over before its end
    std::int64_t now_ns_ = 0;         // of the read being taken
    std::uint32_t lag_ns_ = 0;        // of the same
    base::Nanoseconds late_{};        // of its reader
    std::int64_t last_read_ns_ = -1;  // of the read the last event came in
    std::string body_;                // of an answer that is not streamed
    EventRow row_;                    // of the chunks read last
    std::vector<record::Event> events_;
    std::string output_;
    std::string reasoning_;
    std::string error_;
    std::string location_;
    std::unique_ptr<http::ContentDecoder> decoder_;  // null: the body is as it is
    std::size_t error_limit_ = 0;                    // of error_, while it takes an error body
};

}  // namespace aiperf::load
