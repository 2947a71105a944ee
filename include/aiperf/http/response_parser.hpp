#pragma once

#include "aiperf/http/content_decoder.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace aiperf::http {

/// What is wrong with an answer.
enum class ParseError : std::uint8_t {
    none,
    bad_status_line,
    bad_header,
    head_too_large,
    both_lengths,         ///< Content-Length beside Transfer-Encoding
    bad_content_length,   ///< not a number, or two that differ
    bad_transfer_coding,  ///< a transfer coding other than chunked
    bad_chunk,
    content_encoding,  ///< the body is coded in a way that is not read here, or in several
    interim_answers,   ///< 1xx answers without end
    truncated,         ///< the connection closed before the end of the body
};

/// A sentence for each error, for records and logs.
[[nodiscard]] std::string_view message(ParseError error) noexcept;

/// The head of an answer. Views live until the parser is fed again.
struct ResponseHead {
    int status = 0;                ///< 100 to 599
    std::string_view reason;       ///< of the status line; may be empty
    std::string_view location;     ///< Location, where there is one
    Coding coding = Coding::none;  ///< of the body
    bool event_stream = false;     ///< Content-Type is text/event-stream
    bool keep_alive = true;        ///< the server lets the connection serve again
};

/// Takes a field of a head where it says something of the body or where to go on (Location stays a view).
[[nodiscard]] ParseError take_field(ResponseHead& head, std::string_view name, std::string_view value) noexcept;

/// What a status is called; "" for one without a name.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// Incremental HTTP/1.x response parser: give it bytes as they come, cut anywhere. Body bytes are handed on in place,
/// after chunked coding. Interim (1xx) answers are skipped. One object serves many answers: reset() between them.
///
/// `Sink` has `void on_head(const ResponseHead&)` and `void on_body(char* data, std::size_t size)`; the bytes of the
/// fed buffer may be changed by the sink. It may have `std::size_t on_chunks(char* data, std::size_t size,
/// std::uint64_t& body_bytes)`, too, which is shown what begins with a chunk: it takes as many whole ones as it likes,
/// counts their bodies and returns the bytes taken, up to the end of the last one's body. *Thread safety*: none.
class ResponseParser {
public:
    /// How far an answer has come.
    enum class State : std::uint8_t { head, body, done, failed };

    /// Longest head accepted, in bytes.
    static constexpr std::size_t k_head_limit = 64 * 1024;

    /// Most interim (1xx) answers before the final one.
    static constexpr int k_interim_limit = 16;

    ResponseParser() = default;
    ResponseParser(const ResponseParser&) = delete;
    ResponseParser& operator=(const ResponseParser&) = delete;

    /// Begins with the next answer.
    void reset() noexcept;

    /// Reads up to `size` bytes. Returns the number used: less than `size` only once the answer is done or has failed.
    template <class Sink>
    std::size_t feed(char* data, std::size_t size, Sink& sink);

    /// The peer closed its side. Completes an answer delimited by it; else the state becomes failed with `truncated`
    /// (also where no byte of an answer came: see started()).
    void finish() noexcept;

    /// For an answer whose framing another has read (HTTP/2): its head.
    void take_over(const ResponseHead& head) noexcept;

    /// The same: bytes of its body.
    void count(std::size_t size) noexcept { body_bytes_ += size; }

    /// The same: its end.
    void complete() noexcept { state_ = state_ == State::failed ? state_ : State::done; }

    /// How far the answer has come.
    [[nodiscard]] State state() const noexcept { return state_; }

    /// Why the state is `failed`.
    [[nodiscard]] ParseError error() const noexcept { return error_; }

    /// True once any byte of this answer was fed.
    [[nodiscard]] bool started() const noexcept { return started_; }

    /// True once the final (not 1xx) head is complete.
    [[nodiscard]] bool head_complete() const noexcept { return head_complete_; }

    /// True where the connection can serve again after this answer.
    [[nodiscard]] bool keep_alive() const noexcept { return head_.keep_alive && framing_ != Framing::until_close; }

    /// True where nothing but the end of the connection tells the end of the body.
    [[nodiscard]] bool ends_by_close() const noexcept { return framing_ == Framing::until_close; }

    /// True where the final answer's body comes in chunks.
    [[nodiscard]] bool chunked() const noexcept { return framing_ == Framing::chunked; }

    /// Bytes of body handed on so far.
    [[nodiscard]] std::uint64_t body_bytes() const noexcept { return body_bytes_; }

private:
    enum class Framing : std::uint8_t { none, length, chunked, until_close };
    enum class ChunkState : std::uint8_t {
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer,
        end_lf,
        trailer_line
    };

    /// A head that was read, and what it came to.
    struct KnownHead {
        std::string bytes;  // empty: none is known
        ResponseHead head;  // of views into them
        Framing framing = Framing::none;
        State state = State::head;
        std::uint64_t remaining = 0;
    };

    void take_new_head(std::string_view head);
    void take_known_head() noexcept;
    void parse_head(std::string_view head);
    void parse_header_line(std::string_view line, struct HeadFacts& facts);
    void decide_framing(const struct HeadFacts& facts);
    void fail(ParseError error) noexcept;

    std::size_t take_head(const char* data, std::size_t size);
    /// Takes the line end behind a chunk and the size of the next one where they lie whole in the bytes and are plain.
    /// Returns the bytes used; 0: they come in pieces or say more, and are for chunk_step().
    std::size_t take_chunk_bounds(const char* data, std::size_t size) noexcept;
    template <class Sink>
    std::size_t show_chunks(char* data, std::size_t size, Sink& sink);
    void chunk_size_step(char c) noexcept;
    /// One step of chunk framing outside chunk data; false = failed or done.
    bool chunk_step(char c) noexcept;

    State state_ = State::head;
    ParseError error_ = ParseError::none;
    Framing framing_ = Framing::none;
    ChunkState chunk_ = ChunkState::size;
    bool started_ = false;
    bool head_complete_ = false;
    bool chunk_digits_ = false;
    int interim_ = 0;              // 1xx answers so far
    std::uint64_t remaining_ = 0;  // of the body (length) or of the chunk
    std::uint64_t body_bytes_ = 0;
    std::size_t trailer_bytes_ = 0;  // of a chunk's extension, or of all trailer lines
    std::string head_bytes_;         // head so far, only where it came in pieces
    ResponseHead head_;
    KnownHead known_;  // the last one that came in one piece
};

template <class Sink>
std::size_t ResponseParser::show_chunks(char* data, std::size_t size, Sink& sink) {
    std::size_t line_end = 0;
    if (chunk_ == ChunkState::data_cr && size > 2 && data[0] == '\r' && data[1] == '\n') {
        line_end = 2;
    } else if (chunk_ != ChunkState::size || chunk_digits_) {
        return 0;
    }
    const std::size_t used = sink.on_chunks(data + line_end, size - line_end, body_bytes_);
    if (used == 0) {
        return 0;
    }
    chunk_ = ChunkState::data_cr;
    remaining_ = 0;
    return line_end + used;
}

template <class Sink>
std::size_t ResponseParser::feed(char* data, std::size_t size, Sink& sink) {
    std::size_t at = 0;
    started_ = started_ || size > 0;
    while (at < size && state_ == State::head) {
        at += take_head(data + at, size - at);
        if (head_complete_ && state_ != State::failed) {
            sink.on_head(head_);
        }
    }
    while (at < size && state_ == State::body) {
        if (framing_ == Framing::chunked && chunk_ != ChunkState::data) {
            if constexpr (requires { sink.on_chunks(data, size, body_bytes_); }) {
                if (const std::size_t used = show_chunks(data + at, size - at, sink); used > 0) {
                    at += used;
                    continue;
                }
            }
            if (const std::size_t used = take_chunk_bounds(data + at, size - at); used > 0) {
                at += used;
            } else {
                chunk_step(data[at++]);
            }
            continue;
        }
        const std::size_t left = size - at;
        const std::size_t take =
            framing_ == Framing::until_close || remaining_ > left ? left : static_cast<std::size_t>(remaining_);
        body_bytes_ += take;
        remaining_ -= framing_ == Framing::until_close ? 0 : take;
        const bool over = framing_ == Framing::length && remaining_ == 0;
        if (over) {
            state_ = State::done;
        } else if (framing_ == Framing::chunked && remaining_ == 0) {
            chunk_ = ChunkState::data_cr;
        }
        sink.on_body(data + at, take);
        at += take;
    }
    return at;
}

}  // namespace aiperf::http
