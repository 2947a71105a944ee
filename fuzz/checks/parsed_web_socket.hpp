#pragma once

#include "pieces.hpp"
#include "websocket_frames.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace aiperf::test {

/// All that a reader said about what one client sent.
struct ParsedWebSocket {
    std::vector<api::WebSocketEvent> events;
    std::optional<api::CloseCode> failure;
    bool closed = false;

    friend bool operator==(const ParsedWebSocket&, const ParsedWebSocket&) = default;
};

/// Feeds a stream cut at `cuts`.
inline ParsedWebSocket web_socket_of(std::string_view bytes,
                                     const Cuts& cuts = {},
                                     std::size_t most_bytes = api::WebSocketReader::k_most_bytes) {
    api::WebSocketReader reader(most_bytes);
    ParsedWebSocket parsed;
    in_pieces(bytes, cuts, 0, [&](const char* data, std::size_t size) {
        reader.feed({data, size}, parsed.events);
        return true;
    });
    parsed.failure = reader.failure();
    parsed.closed = reader.is_closed();
    return parsed;
}

}  // namespace aiperf::test
