#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::mock {

/// A complete request; views into the buffer it was parsed from.
struct Request {
    std::string_view method;
    std::string_view target;                                             ///< as on the wire
    std::string_view path;                                               ///< target without scheme, authority and query
    std::string_view body;                                               ///< without chunk framing
    std::vector<std::pair<std::string_view, std::string_view>> headers;  ///< in wire order; only where asked for
    bool legacy = false;                                                 ///< HTTP/1.0
    bool keep_alive = true;                                              ///< the client would use the connection again
};

/// Limits of a request and what to keep of it.
struct ParserLimits {
    std::size_t head_bytes = 64U << 10U;
    std::size_t body_bytes = 64U << 20U;
    bool keep_headers = false;
};

/// Reads one HTTP/1 request at a time out of a growing buffer, in place: chunked bodies are joined by moving them
/// inside the buffer. Bytes already seen are not scanned again. *Thread safety*: none.
class RequestParser {
public:
    enum class Status : std::uint8_t { need_more, complete, failed };

    explicit RequestParser(ParserLimits limits)
        : limits_(limits) {}

    /// Goes on with data[0..size): the bytes of earlier calls (where they may have moved to) and new ones behind.
    Status advance(char* data, std::size_t size);

    /// The request, after `complete`; valid while the buffer of the last call is.
    [[nodiscard]] const Request& request() const noexcept { return request_; }

    /// Bytes of the buffer that belong to the complete request.
    [[nodiscard]] std::size_t consumed() const noexcept { return read_at_; }

    /// True once, when the head is there, the body is not, and the client waits for `100 Continue`.
    [[nodiscard]] bool take_expect_continue() noexcept { return std::exchange(expects_continue_, false); }

    /// After `failed`: the status to answer with (400, 413, 431, 501 or 505).
    [[nodiscard]] std::uint16_t error_status() const noexcept { return error_status_; }

    /// After `failed`: why, one sentence.
    [[nodiscard]] std::string_view error_message() const noexcept { return error_message_; }

    /// Forgets the request; the next call starts another one.
    void reset() noexcept;

private:
    enum class Stage : std::uint8_t { head, sized_body, chunk_size, chunk_data, chunk_end, trailer, done, failed };

    /// Offsets into the buffer: it may move before the request is complete.
    struct HeaderSpan {
        std::size_t name_begin;
        std::size_t name_size;
        std::size_t value_begin;
        std::size_t value_size;
    };

    Status fail(std::uint16_t status, std::string_view message) noexcept;
    bool find_head_end(const char* data, std::size_t size) noexcept;
    bool parse_head(const char* data);
    bool parse_request_line(std::string_view line);
    bool parse_header(const char* data, std::string_view line);
    bool note_header(std::string_view name, std::string_view value);
    bool note_length(std::string_view value);
    bool note_transfer_encoding(std::string_view value);
    bool choose_body() noexcept;
    Status advance_chunked(char* data, std::size_t size);
    bool step_chunked(char* data, std::size_t size);
    bool read_line(const char* data, std::size_t size, std::string_view& line);
    bool start_chunk(std::string_view line);
    bool take_chunk_data(char* data, std::size_t size) noexcept;
    bool take_trailer(std::string_view line);
    void finish(const char* data) noexcept;

    ParserLimits limits_;
    Request request_;
    Stage stage_ = Stage::head;
    std::size_t scan_at_ = 0;     ///< head: where to look on for its end
    std::size_t head_begin_ = 0;  ///< after empty lines in front
    std::size_t body_begin_ = 0;  ///< just behind the head
    std::size_t body_end_ = 0;    ///< end of the joined body so far
    std::size_t read_at_ = 0;     ///< next raw byte
    std::size_t chunk_left_ = 0;  ///< of the current chunk
    std::size_t content_length_ = 0;
    std::size_t trailer_bytes_ = 0;
    bool has_length_ = false;
    bool chunked_ = false;
    bool expects_continue_ = false;
    std::uint16_t error_status_ = 0;
    std::string_view error_message_;
    std::size_t method_size_ = 0;
    std::size_t target_size_ = 0;
    std::vector<HeaderSpan> header_spans_;
};

}  // namespace aiperf::mock
