#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/load/answer.hpp"
#include "aiperf/record/record.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace aiperf::load {

/// Index of a connection in its worker's slab.
using ConnectionId = std::uint32_t;
inline constexpr ConnectionId k_no_connection = std::numeric_limits<ConnectionId>::max();

/// One connection and the request on it. HTTP/1.1: one at a time.
struct Connection {
    enum class State : std::uint8_t {
        closed,      ///< a free place in the slab
        connecting,  ///< holds a request that waits for it
        busy,        ///< a request is being sent or answered
        idle,        ///< in the pool
    };

    int fd = -1;
    std::uint32_t generation = 0;  ///< rises with each close, so that a late event is known as such
    State state = State::closed;
    std::uint16_t target = 0;
    bool served = false;  ///< has carried an answer before

    // The request.
    record::Record* record = nullptr;
    std::uint64_t slot = 0;
    std::string head;
    std::string_view body;
    std::size_t sent = 0;  ///< bytes of head and body written
    base::Instant claimed{};
    base::Instant idle_since{};
    Answer answer;

    // Neighbours in the worker's list of requests, oldest first.
    ConnectionId older = k_no_connection;
    ConnectionId younger = k_no_connection;

    [[nodiscard]] bool all_sent() const noexcept { return sent == head.size() + body.size(); }
};

}  // namespace aiperf::load
