#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/dataset/dataset.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/load/exchange.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace aiperf::load {

/// A conversation under way: what has been said, and which turn it is at. It stays with the worker that began it.
struct Session {
    std::uint32_t number = 0;                      ///< in its phase
    std::uint32_t conversation = 0;                ///< data-set entry
    std::uint16_t target = 0;                      ///< index of the URL that all its turns go to
    std::uint16_t turn = 0;                        ///< the turn under way, or else the next one
    base::Instant due{};                           ///< when the next turn may be sent
    ConnectionId connection = ConnectionId::none;  ///< its alone; none: its turns take any
    std::string history;                           ///< messages before the turn, a comma behind each
    std::string body;                              ///< of the turn under way

    /// Begins a new one; buffers stay.
    void begin(std::uint32_t its_number, std::uint32_t its_conversation, std::uint16_t its_target) noexcept;

    /// The body of `entry` with the history in it. *Lifetime*: that of the entry, or until the next call.
    [[nodiscard]] std::string_view body_of(const dataset::Dataset::Entry& entry);

    /// Adds a turn to the history, and its answer: "" where it has none. Nothing where the turn has no message.
    void remember(const dataset::Dataset::Entry& entry, std::string_view answer, const endpoint::AnswerFrame& frame);
};

}  // namespace aiperf::load
