#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::api {

inline constexpr std::string_view k_web_socket_path = "/ws";
inline constexpr std::string_view k_events_path = "/api/events";

/// What opens a stream, or does not, looks at in a request.
struct StreamRequest {
    std::string method;
    std::string target;         ///< as received: path and query
    std::string connection;     ///< the headers of these names, empty where they are missing
    std::string upgrade;        ///< "websocket"
    std::string key;            ///< Sec-WebSocket-Key
    std::string version;        ///< Sec-WebSocket-Version
    std::string last_event_id;  ///< of a client that comes back
};

/// A request that is none of a stream's: nothing is set. Else a refusal, or one of the two streams.
struct StreamPlan {
    enum class Kind : std::uint8_t { none, refusal, web_socket, events };

    Kind kind = Kind::none;
    int status = 0;                                            ///< of a refusal, as the next two
    std::string detail;                                        ///< for people
    std::vector<std::pair<std::string, std::string>> headers;  ///< that belong to this status
    std::string accept;                                        ///< of a WebSocket: Sec-WebSocket-Accept
    std::set<std::string, std::less<>> types;                  ///< of events: wanted ones; empty: all
    std::optional<std::uint64_t> last_id;                      ///< of events: the last one the client has
};

/// What to do with a request: a pure function.
[[nodiscard]] StreamPlan plan_stream(const StreamRequest& request, std::string_view run_id);

/// The proof that a server speaks WebSocket (RFC 6455, 4.2.2).
[[nodiscard]] std::string accept_of(std::string_view key);

}  // namespace aiperf::api
