#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::mock {

/// One request as it arrived and what became of it. All `_ns` are CLOCK_MONOTONIC.
struct ReceivedRequest {
    std::uint64_t index = 0;       ///< 0 for the first request the server received
    std::uint64_t connection = 0;  ///< 1 for the first connection accepted
    std::string method;
    std::string target;                                        ///< as on the wire, with the query
    std::vector<std::pair<std::string, std::string>> headers;  ///< in wire order
    std::string body;                                          ///< without chunk framing
    std::int64_t first_byte_ns = 0;                            ///< its first byte was read
    std::int64_t arrival_ns = 0;                               ///< its last byte was read; delays count from here
    std::optional<std::uint32_t> answer;           ///< which of a script route's answers; none for other answers
    std::string action;                            ///< "reset" or "close" where the server cut the answer, else empty
    std::optional<std::int64_t> headers_sent_ns;   ///< the head of a stream was handed to the system
    std::vector<std::int64_t> sent_ns;             ///< so was each event; one entry for an answer that is no stream
    std::optional<std::int64_t> client_closed_ns;  ///< the client hung up before its answer was complete
    bool over = false;

    /// Value of the first header of that name (any case); empty where there is none.
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

/// The request as one line of JSON (without newline): times in milliseconds from `first_arrival_ns` or from its own
/// arrival, the body parsed where it is JSON.
[[nodiscard]] std::string to_json_line(const ReceivedRequest& request, std::int64_t first_arrival_ns);

}  // namespace aiperf::mock
