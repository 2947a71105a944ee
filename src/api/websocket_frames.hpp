#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::api {

/// Why a WebSocket is closed (RFC 6455, 7.4.1): those this server says, or has to know.
enum class CloseCode : std::uint16_t {
    normal = 1000,
    going_away = 1001,       ///< the server closes
    protocol_error = 1002,   ///< what came is no WebSocket
    unsupported = 1003,      ///< a binary message
    invalid_text = 1007,     ///< text that is not UTF-8
    policy = 1008,           ///< the client reads too slowly
    too_big = 1009,          ///< a message beyond the limit
    try_again_later = 1013,  ///< too many clients
};

/// What a client said.
struct WebSocketEvent {
    enum class Kind : std::uint8_t { text, binary, ping, pong, close };

    Kind kind = Kind::text;
    std::string payload;                ///< a whole message; of a close its reason
    std::optional<std::uint16_t> code;  ///< of a close, where it had one

    friend bool operator==(const WebSocketEvent&, const WebSocketEvent&) = default;
};

/// Whether text that comes in pieces is UTF-8: no overlong form, no surrogate, nothing beyond U+10FFFF.
class Utf8Check {
public:
    /// False: this can be no UTF-8 any more.
    [[nodiscard]] bool feed(std::string_view bytes) noexcept;

    /// No character has begun that has not ended.
    [[nodiscard]] bool is_whole() const noexcept { return left_ == 0; }

private:
    [[nodiscard]] bool begin(std::uint8_t byte) noexcept;
    [[nodiscard]] bool take(std::uint8_t byte) noexcept;

    int left_ = 0;               // bytes that are still to come
    std::uint8_t least_ = 0x80;  // what the next one may be
    std::uint8_t most_ = 0xbf;
};

/// Reads what a client sends once it speaks WebSocket: frames that may be cut anywhere, messages in several frames with
/// control frames between them. The first fault ends it: everything after a failure, or after a close, is ignored.
///
///     reader.feed(bytes, events);            // appends what has become whole
///     if (reader.failure()) { ... }          // say it in a close frame
///
/// It keeps at most one message. *Thread safety*: none.
class WebSocketReader {
public:
    static constexpr std::size_t k_most_bytes = 64 * 1024;  ///< of a message, by default
    static constexpr std::size_t k_most_fragments = 1024;   ///< of a message: empty ones cost no bytes

    explicit WebSocketReader(std::size_t most_bytes = k_most_bytes)
        : most_bytes_(most_bytes) {}

    void feed(std::string_view bytes, std::vector<WebSocketEvent>& out);

    [[nodiscard]] std::optional<CloseCode> failure() const noexcept { return failure_; }

    /// The client has said that it is through.
    [[nodiscard]] bool is_closed() const noexcept { return closed_; }

private:
    struct Head {
        std::uint8_t opcode = 0;
        bool is_final = false;
        std::uint64_t length = 0;
        char mask[4]{};

        [[nodiscard]] bool is_control() const noexcept { return (opcode & 0x8U) != 0; }
    };

    void take_head(std::string_view& bytes, std::vector<WebSocketEvent>& out);
    void begin_frame(std::vector<WebSocketEvent>& out);
    void take_payload(std::string_view& bytes, std::vector<WebSocketEvent>& out);
    void end_frame(std::vector<WebSocketEvent>& out);
    void end_message(std::vector<WebSocketEvent>& out);
    void end_close(std::vector<WebSocketEvent>& out);
    [[nodiscard]] std::optional<CloseCode> fault_of_start() const noexcept;
    [[nodiscard]] std::optional<CloseCode> fault_of_head() const noexcept;
    [[nodiscard]] std::size_t head_size() const noexcept;
    [[nodiscard]] Head parsed_head() const noexcept;

    std::size_t most_bytes_;
    std::string head_bytes_;  // of a frame whose head is not whole
    bool in_payload_ = false;
    Head head_;
    std::uint64_t left_ = 0;               // of the frame's payload
    std::optional<bool> message_is_text_;  // absent: no message has begun
    std::size_t fragments_ = 0;
    std::string message_;  // what has come of it
    std::string control_;  // payload of a control frame
    Utf8Check utf8_;
    std::optional<CloseCode> failure_;
    bool closed_ = false;
};

// Frames of a server: whole, not masked.

[[nodiscard]] std::string text_frame(std::string_view text);
[[nodiscard]] std::string ping_frame();

/// `payload`: the ping's, at most 125 bytes.
[[nodiscard]] std::string pong_frame(std::string_view payload);

/// `reason`: at most 123 bytes of UTF-8.
[[nodiscard]] std::string close_frame(CloseCode code, std::string_view reason = {});

/// The answer to a close: the same code, or none where there was none.
[[nodiscard]] std::string close_answer(std::optional<std::uint16_t> code);

}  // namespace aiperf::api
