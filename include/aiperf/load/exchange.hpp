#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/load/answer.hpp"
#include "aiperf/record/record.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <sys/uio.h>
#include <utility>

namespace aiperf::load {

/// Places in a worker's slabs.
enum class ExchangeId : std::uint32_t { none = ~std::uint32_t{0} };
/// Index of a connection in its worker's slab.
enum class ConnectionId : std::uint32_t { none = ~std::uint32_t{0} };
/// Index of a session of several turns in its worker's slab.
enum class SessionId : std::uint32_t { none = ~std::uint32_t{0} };

/// One request under way and its answer, whatever connection carries it.
struct Exchange {
    record::Record* record = nullptr;              ///< of the request; null: free
    std::uint64_t slot = 0;                        ///< of that record
    std::string head;                              ///< of the request
    std::string_view body;                         ///< of the request
    std::size_t sent = 0;                          ///< bytes of head and body handed on
    std::uint32_t hops = 0;                        ///< redirects followed
    std::uint16_t target = 0;                      ///< where it goes now: another than the record's after a redirect
    base::Instant claimed{};                       ///< when the request was taken
    ConnectionId connection = ConnectionId::none;  ///< that carries it
    SessionId session = SessionId::none;           ///< whose turn it is; none: a request by itself
    std::int32_t stream = 0;                       ///< HTTP/2: number on its connection; 0 = none yet
    Answer answer;                                 ///< as far as it has come

    // Neighbours in the worker's list of requests, oldest first.
    ExchangeId older = ExchangeId::none;    ///< the neighbour before it
    ExchangeId younger = ExchangeId::none;  ///< the neighbour behind it

    /// True once head and body are written.
    [[nodiscard]] bool all_sent() const noexcept { return sent == head.size() + body.size(); }

    /// What of head and body has not been handed on, in at most two pieces.
    [[nodiscard]] std::pair<std::array<iovec, 2>, std::size_t> rest() noexcept {
        std::array<iovec, 2> pieces{};
        std::size_t count = 0;
        const std::size_t head_left = head.size() - std::min(sent, head.size());
        if (head_left > 0) {
            pieces[count++] = {head.data() + sent, head_left};
        }
        const std::size_t body_sent = sent + head_left - head.size();
        pieces[count++] = {const_cast<char*>(body.data()) + body_sent, body.size() - body_sent};  // NOLINT: iovec
        return {pieces, count};
    }
};

}  // namespace aiperf::load
