#pragma once

#include "raw_http_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::test {

/// How a client's frame is written; the defaults are right.
struct FrameShape {
    bool is_final = true;
    bool masked = true;
    std::uint8_t reserved = 0;       ///< of the first byte: 0x40, 0x20, 0x10
    unsigned length_bytes = 0;       ///< 1, 2 or 8; 0: as few as do
    std::uint64_t claimed_more = 0;  ///< bytes that the head promises and that do not follow
};

inline constexpr std::uint8_t k_continuation = 0x0;
inline constexpr std::uint8_t k_text = 0x1;
inline constexpr std::uint8_t k_binary = 0x2;
inline constexpr std::uint8_t k_close = 0x8;
inline constexpr std::uint8_t k_ping = 0x9;
inline constexpr std::uint8_t k_pong = 0xa;

inline std::string client_frame(std::uint8_t opcode, std::string_view payload = {}, const FrameShape& shape = {}) {
    const std::uint64_t length = payload.size() + shape.claimed_more;
    const unsigned bytes = shape.length_bytes != 0 ? shape.length_bytes : length < 126 ? 1 : length < 65536 ? 2 : 8;
    const std::string mask = shape.masked ? "\x11\x22\x33\x44" : "";
    std::string out;
    out += static_cast<char>((shape.is_final ? 0x80U : 0U) | shape.reserved | opcode);
    const std::uint64_t second = bytes == 1 ? length : bytes == 2 ? 126U : 127U;
    out += static_cast<char>((shape.masked ? 0x80U : 0U) | second);
    for (unsigned left = bytes == 1 ? 0 : bytes; left > 0; --left) {
        out += static_cast<char>(length >> (8U * (left - 1)) & 0xffU);
    }
    out += mask;
    for (std::size_t i = 0; i < payload.size(); ++i) {
        out += static_cast<char>(shape.masked ? payload[i] ^ mask[i % 4] : payload[i]);
    }
    return out;
}

inline std::string close_payload(std::uint16_t code, std::string_view reason = {}) {
    std::string out{static_cast<char>(code >> 8U), static_cast<char>(code & 0xffU)};
    return out.append(reason);
}

/// A frame of the server; opcode 0xff: the connection has ended instead.
struct ServerFrame {
    std::uint8_t opcode = 0xff;
    std::string payload;

    [[nodiscard]] bool is_end() const { return opcode == 0xff; }

    [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(payload); }

    [[nodiscard]] unsigned close_code() const {
        return payload.size() < 2 ? 0
                                  : static_cast<unsigned>(static_cast<std::uint8_t>(payload[0])) << 8U |
                                        static_cast<std::uint8_t>(payload[1]);
    }
};

inline std::string web_socket_request(std::string_view target = "/ws",
                                      std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==",
                                      std::string_view version = "13") {
    std::string out = "GET ";
    out.append(target).append(
        " HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n");
    out.append("Sec-WebSocket-Key: ").append(key).append("\r\n");
    return out.append("Sec-WebSocket-Version: ").append(version).append("\r\n\r\n");
}

/// A client of /ws that shows every frame.
class WebSocketProbe {
public:
    explicit WebSocketProbe(std::uint16_t port)
        : http_(port) {
        http_.send(web_socket_request());
        answer_ = http_.read_answer();
    }

    [[nodiscard]] const RawAnswer& answer() const { return answer_; }

    [[nodiscard]] RawHttpClient& raw() { return http_; }

    void say(std::string_view text) { http_.send(client_frame(k_text, text)); }

    /// Subscribes and waits for the confirmation.
    void subscribe(const std::string& types = R"(["*"])") {
        say(R"({"type":"subscribe","message_types":)" + types + "}");
        REQUIRE(next().json()["type"] == "subscribed");
    }

    ServerFrame next() {
        if (!need(2)) {
            return {};
        }
        ServerFrame frame;
        frame.opcode = static_cast<std::uint8_t>(buffer_[0]) & 0x0fU;
        std::size_t length = static_cast<std::uint8_t>(buffer_[1]);  // not masked
        REQUIRE(length < 128);
        const std::size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
        if (!need(2 + more)) {
            return {};
        }
        if (more != 0) {
            length = 0;
            for (std::size_t i = 0; i < more; ++i) {
                length = length << 8U | static_cast<std::uint8_t>(buffer_[2 + i]);
            }
        }
        if (!need(2 + more + length)) {
            return {};
        }
        frame.payload = buffer_.substr(2 + more, length);
        buffer_.erase(0, 2 + more + length);
        return frame;
    }

    /// Frames up to and with the one that is no text.
    std::vector<ServerFrame> rest() {
        std::vector<ServerFrame> frames;
        do {
            frames.push_back(next());
        } while (frames.back().opcode == k_text);
        return frames;
    }

    /// The next message of a type; others are passed over.
    nlohmann::json wait_for(const std::string& type) {
        while (true) {
            const ServerFrame frame = next();
            REQUIRE(frame.opcode == k_text);
            nlohmann::json message = frame.json();
            if (message.value("message_type", "") == type) {
                return message;
            }
        }
    }

private:
    bool need(std::size_t size) {
        while (buffer_.size() < size) {
            const std::string more = http_.read_some();
            if (more.empty()) {
                return false;
            }
            buffer_ += more;
        }
        return true;
    }

    RawHttpClient http_;
    RawAnswer answer_;
    std::string buffer_;
};

}  // namespace aiperf::test
