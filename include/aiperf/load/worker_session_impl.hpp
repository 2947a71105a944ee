#pragma once

// Bodies of Worker: sessions of several turns; included by worker.hpp only.

#include "aiperf/load/worker.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace aiperf::load {

/// Moves turns whose delay is over to those that may be sent.
template <class Io>
void Worker<Io>::take_due_turns(base::Instant now) {
    for (; !waiting_.empty() && waiting_.top().due <= now; waiting_.pop()) {
        ready_.push_back(waiting_.top().session);
    }
}

/// True where there is a turn to be sent: the next one of a session, or the first of a new session, which is begun
/// then. It needs a free slot and holds it to its end.
template <class Io>
bool Worker<Io>::has_turn() {
    if (!ready_.empty() || begun_ != SessionId::none) {
        return true;
    }
    if (all_begun_ || in_flight_ >= slots_) {
        return false;
    }
    const std::uint64_t number = shared_.next_session.fetch_add(1, std::memory_order_relaxed);
    if (phase_->sessions && number >= *phase_->sessions) {
        all_begun_ = true;
        return false;
    }
    begun_ = sessions_.take();
    sessions_[begun_].begin(static_cast<std::uint32_t>(number),
                            static_cast<std::uint32_t>(schedule::sequential_entry(number, plan_.dataset->size())),
                            static_cast<std::uint16_t>(number % plan_.targets.size()));
    return true;
}

/// Writes whose turn the next request is: that of a session under way goes before a new session.
template <class Io>
void Worker<Io>::name_turn(record::Record& record) noexcept {
    const Session& session = sessions_[ready_.empty() ? begun_ : ready_.front()];
    record.session = session.number;
    record.conversation = session.conversation;
    record.target = session.target;
    record.turn = session.turn;
}

/// Takes the session whose turn is to be sent now. The record was named when it was claimed; meanwhile the turn of a
/// session under way may have come.
template <class Io>
SessionId Worker<Io>::take_turn(record::Record& record) {
    name_turn(record);
    if (ready_.empty()) {
        ++in_flight_;
        WorkerCounters::add(counters_.sessions_sent);
        return std::exchange(begun_, SessionId::none);
    }
    const SessionId id = ready_.front();
    ready_.pop_front();
    const std::int64_t due = sessions_[id].due.time_since_epoch().count();
    record.planned_ns = cursor_ ? std::max(record.planned_ns, due) : due;
    return id;
}

/// The answer to a turn is complete: the session goes on after the delay, or is over and gives its slot back. A turn
/// that has failed stays in the history without an answer.
template <class Io>
void Worker<Io>::end_turn(const Exchange& exchange, base::Instant now) {
    Session& session = sessions_[exchange.session];
    const dataset::Dataset::Entry entry = plan_.dataset->turn(session.conversation, session.turn);
    const std::uint8_t error = exchange.record->error;
    if (++session.turn == plan_.dataset->turns(session.conversation)) {
        WorkerCounters::add(counters_.sessions_completed);
        return end_session(exchange.session, exchange.connection);
    }
    session.due = now + plan_.dataset->turn(session.conversation, session.turn).delay;
    if (exhausted_ || error == static_cast<std::uint8_t>(record::ErrorKind::cancelled) || session.due >= phase_end_) {
        return end_session(exchange.session, exchange.connection);
    }
    session.remember(entry, error == 0 ? exchange.answer.output() : std::string_view{}, plan_.answer_frame);
    waiting_.push({session.due, session.number, exchange.session});
}

/// Gives the slot of a session back, and closes its own connection; `carrier`, if it is that, is closed by whoever is
/// busy with it.
template <class Io>
void Worker<Io>::end_session(SessionId id, ConnectionId carrier) noexcept {
    const ConnectionId own = std::exchange(sessions_[id].connection, ConnectionId::none);
    if (own != ConnectionId::none) {
        connections_[own].session = SessionId::none;
        if (own != carrier) {
            close(own);
        }
    }
    sessions_.put_back(id);
    --in_flight_;
}

/// Ends the sessions that wait for their next turn.
template <class Io>
void Worker<Io>::end_waiting() noexcept {
    for (; !waiting_.empty(); waiting_.pop()) {
        end_session(waiting_.top().session, ConnectionId::none);
    }
}

/// Nothing more is claimed in this phase.
template <class Io>
void Worker<Io>::exhaust() noexcept {
    exhausted_ = true;
    pending_ = nullptr;
    end_waiting();
    for (; !ready_.empty(); ready_.pop_front()) {
        end_session(ready_.front(), ConnectionId::none);
    }
    if (begun_ != SessionId::none) {
        sessions_.put_back(std::exchange(begun_, SessionId::none));
    }
}

/// True where no request of the phase is left for a turn that still waits.
template <class Io>
bool Worker<Io>::all_claimed() const noexcept {
    return phase_->requests && shared_.next_index.load(std::memory_order_relaxed) >= *phase_->requests;
}

/// True where the phase is over for this worker.
template <class Io>
bool Worker<Io>::is_through() const noexcept {
    return in_flight_ == 0 && (exhausted_ || (all_begun_ && begun_ == SessionId::none));
}

/// The connection of a session: its own one, where that is still good.
template <class Io>
ConnectionId Worker<Io>::take_own(const Exchange& exchange, base::Instant now) {
    Session& session = sessions_[exchange.session];
    if (session.connection != ConnectionId::none) {
        const Connection& own = connections_[session.connection];
        const bool fit = own.http2 == nullptr ? own.state == Connection::State::idle
                                              : own.state == Connection::State::shared && !own.http2->going_away();
        if (fit && now - own.idle_since < plan_.idle_timeout) {
            return session.connection;
        }
        close(session.connection);
    }
    const std::uint16_t pool = pools_[exchange.target];
    const ConnectionId id = plan_.targets[pool].http2 ? new_shared(pool) : new_connection(pool);
    connections_[id].session = exchange.session;
    session.connection = id;
    return id;
}

/// Parts a session from its connection.
template <class Io>
void Worker<Io>::part(Connection& connection) noexcept {
    if (connection.session != SessionId::none) {
        sessions_[connection.session].connection = ConnectionId::none;
        connection.session = SessionId::none;
    }
}

}  // namespace aiperf::load
