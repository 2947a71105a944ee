#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/load/exchange.hpp"
#include "aiperf/load/http2.hpp"
#include "aiperf/load/tls.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace aiperf::load {

/// A socket, what protects it, and what is on it: one request at a time, or many with HTTP/2.
struct Connection {
    /// What a connection is doing.
    enum class State : std::uint8_t {
        closed,      ///< a free place in the slab
        connecting,  ///< the system is making it; a request waits for it
        greeting,    ///< a proxy's tunnel, TLS or HTTP/2 is being set up
        busy,        ///< a request is being sent or answered
        idle,        ///< in the pool, or kept for its session
        shared,      ///< HTTP/2: carries as many requests as there are
    };

    int fd = -1;                             ///< -1 = none
    std::uint32_t generation = 0;            ///< rises with each close, so that a late event is known as such
    State state = State::closed;             ///< what it is doing
    std::uint16_t target = 0;                ///< index of the URL, the first of those it can be used for
    bool served = false;                     ///< has lain in the pool: it carried an answer, or was opened ahead
    bool sending = false;                    ///< something waits for the socket to take it
    ExchangeId exchange = ExchangeId::none;  ///< the request on it; HTTP/2: the one it was made for
    SessionId session = SessionId::none;     ///< the session it belongs to; none: anybody's
    base::Instant idle_since{};              ///< when it came into the pool, or its session last used it

    // While it is being made.
    std::size_t first_address = 0;  ///< of the target's, tried first
    std::size_t tried = 0;          ///< addresses that failed
    std::int64_t tls_end_ns = 0;    ///< CLOCK_MONOTONIC; 0: not yet
    std::int64_t tls_start_ns = 0;  ///< CLOCK_MONOTONIC
    std::string greeting;           ///< what a proxy has answered so far

    std::unique_ptr<TlsSession> tls;      ///< null: plain
    std::unique_ptr<Http2Session> http2;  ///< null: HTTP/1.1
    std::vector<ExchangeId> streams;      ///< HTTP/2: requests on it, also those that wait until it is ready
    std::size_t most_streams = 0;         ///< HTTP/2: requests at the same time
    bool open_to_more = false;            ///< HTTP/2: further requests may join

    std::string output;           ///< bytes to be sent that are no request's own: greetings and ciphertext
    std::size_t output_sent = 0;  ///< bytes of it written
};

}  // namespace aiperf::load
