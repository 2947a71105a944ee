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
inline constexpr ConnectionId k_no_connection = std::numeric_limits<ConnectionId>::max();  ///< none

/// One connection and the request on it. HTTP/1.1: one at a time.
struct Connection {
    /// What a connection is doing.
    enum class State : std::uint8_t {
        closed,      ///< a free place in the slab
        connecting,  ///< holds a request that waits for it
        busy,        ///< a request is being sent or answered
        idle,        ///< in the pool
    };

    int fd = -1;                   ///< -1 = none
    std::uint32_t generation = 0;  ///< rises with each close, so that a late event is known as such
    State state = State::closed;   ///< what it is doing
    std::uint16_t target = 0;      ///< index of the URL
    bool served = false;           ///< has carried an answer before

    // The request.
    record::Record* record = nullptr;  ///< of the request it carries; null = none
    std::uint64_t slot = 0;            ///< of that record
    std::string head;                  ///< of the request
    std::string_view body;             ///< of the request; in the data set
    std::size_t sent = 0;              ///< bytes of head and body written
    base::Instant claimed{};           ///< when the request was taken
    base::Instant idle_since{};        ///< when it came into the pool
    Answer answer;                     ///< as far as it has come

    // Neighbours in the worker's list of requests, oldest first.
    ConnectionId older = k_no_connection;    ///< the neighbour before it
    ConnectionId younger = k_no_connection;  ///< the neighbour behind it

    /// True once head and body are written.
    [[nodiscard]] bool all_sent() const noexcept { return sent == head.size() + body.size(); }
};

}  // namespace aiperf::load
