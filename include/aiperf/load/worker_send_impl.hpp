#pragma once

// Bodies of Worker: claiming and sending, and the list of requests under way; included by worker.hpp only.

#include "aiperf/load/worker.hpp"
#include "aiperf/record/session.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <unistd.h>
#include <utility>

namespace aiperf::load {

/// Starts what is due, at most `most` requests. True where it stopped only to look after answers.
template <class Io>
bool Worker<Io>::fill(int most) {
    for (int i = 0; i < most; ++i) {
        if (exhausted_) {
            return false;
        }
        if (shared_.stop.load(std::memory_order_relaxed) != static_cast<std::uint32_t>(Stop::none)) {
            return true;  // told amid a batch of answers: the loop obeys at once
        }
        base::Instant now = base::now();
        take_due_turns(now);
        if (pending_ == nullptr && !(may_claim(now) && claim(now))) {
            return false;
        }
        if (pending_due_ - now > k_pause) {
            return false;
        }
        while (now < pending_due_) {
            now = base::now();
        }
        if (!is_prompt_ready(now)) {
            return false;
        }
        start(now);
        dispatch_again();
    }
    return true;
}

/// True where the next request may be claimed: there is a slot for it, or it is the turn of a session that has one.
template <class Io>
bool Worker<Io>::may_claim(base::Instant now) {
    const bool free = in_flight_ < slots_;
    if (free && full_) {
        full_until_ = now;
    }
    full_ = !free;
    return has_sessions_ ? has_turn() : free;
}

template <class Io>
bool Worker<Io>::claim(base::Instant now) {
    if (!cursor_ && now >= phase_end_) {
        exhaust();
        return false;
    }
    const std::uint64_t index = shared_.next_index.fetch_add(1, std::memory_order_relaxed);
    if (phase_->requests && index >= *phase_->requests) {
        exhaust();
        return false;
    }
    pending_due_ = cursor_ ? phase_start_ + cursor_->at(index) : now;
    if (pending_due_ >= phase_end_) {
        exhaust();
        return false;
    }
    record::Record* record = writer_.claim(first_slot_ + index);
    if (record == nullptr) {
        stop_for_full_journal();
        exhaust();
        return false;
    }
    record->phase = phase_index_;
    if (has_sessions_) {
        name_turn(*record);
    } else {
        record->session = static_cast<std::uint32_t>(index);
        record->conversation = static_cast<std::uint32_t>(schedule::sequential_entry(index, plan_.dataset->size()));
        record->target = static_cast<std::uint16_t>(index % plan_.targets.size());
    }
    record->planned_ns = pending_due_.time_since_epoch().count();
    pending_ = record;
    pending_index_ = index;
    unready_ = false;
    return true;
}

/// False where the data set still grows and has not come to what is sent next: it is looked for again soon. In a closed
/// loop nothing is sent after the phase's end.
template <class Io>
bool Worker<Io>::is_prompt_ready(base::Instant now) {
    const bool under_way = has_sessions_ && !ready_.empty();
    const std::size_t wanted = has_sessions_ && !under_way ? sessions_[begun_].conversation : pending_->conversation;
    if (under_way || wanted < prompts_) {
        return true;
    }
    prompts_ = plan_.dataset->ready();
    if (wanted < prompts_) {
        return true;
    }
    if (!cursor_ && now >= phase_end_) {
        exhaust();
        return false;
    }
    if (!std::exchange(unready_, true)) {
        WorkerCounters::add(counters_.unready);
    }
    pending_due_ = now + k_prompt_nap;
    return false;
}

template <class Io>
void Worker<Io>::start(base::Instant now) {
    record::Record& record = *std::exchange(pending_, nullptr);
    const SessionId session = has_sessions_ ? take_turn(record) : SessionId::none;
    const dataset::Dataset::Entry entry = plan_.dataset->turn(record.conversation, record.turn);
    record.acquired_ns = now.time_since_epoch().count();
    record.flags |= pending_due_ < full_until_ ? record::flag::capped : 0U;
    record.input_tokens = record.turn == 0 ? entry.input_tokens : record::k_absent;  // counted later, with the history
    record.requested_tokens = entry.requested_tokens;
    const ExchangeId id = exchanges_.take();
    Exchange& exchange = exchanges_[id];
    exchange.record = &record;
    exchange.slot = first_slot_ + pending_index_;
    exchange.claimed = now;
    exchange.target = record.target;
    exchange.hops = 0;
    exchange.session = session;
    exchange.body = entry.body;
    if (session != SessionId::none) {
        exchange.body = sessions_[session].body_of(entry);
    } else {
        ++in_flight_;
        WorkerCounters::add(counters_.sessions_sent);
    }
    plan_.targets[record.target].write_head(
        exchange.head, plan_.ids, exchange.slot, record::session_number(record), exchange.body.size());
    link(id);
    WorkerCounters::add(counters_.sent);
    dispatch(id, now);
}

/// Gives a request to a connection: one of the pool, or a new one.
template <class Io>
void Worker<Io>::dispatch(ExchangeId id, base::Instant now) {
    Exchange& exchange = exchanges_[id];
    record::Record& record = *exchange.record;
    exchange.sent = 0;
    exchange.answer.begin(record, plan_.keep_text);
    record.request_bytes += static_cast<std::uint32_t>(exchange.head.size() + exchange.body.size());
    if (plan_.targets[exchange.target].http2) {
        return join(id, take_shared(exchange, now));
    }
    const ConnectionId carrier = take_connection(exchange, now);
    Connection& connection = connections_[carrier];
    exchange.connection = carrier;
    connection.exchange = id;
    if (connection.fd < 0) {
        return connect(carrier);
    }
    record.flags |= exchange.hops == 0 ? record::flag::reused : 0U;
    connection.state = Connection::State::busy;
    send(carrier);
}

/// Sends what redirects and lost connections of HTTP/2 have put off until the connections of this turn are settled.
template <class Io>
void Worker<Io>::dispatch_again() {
    while (!again_.empty()) {
        const ExchangeId id = again_.back();
        again_.pop_back();
        dispatch(id, base::now());
    }
}

template <class Io>
ConnectionId Worker<Io>::take_connection(const Exchange& exchange, base::Instant now) {
    if (is_sticky(exchange)) {
        return take_own(exchange, now);
    }
    std::vector<ConnectionId>& idle = idle_[pools_[exchange.target]];
    if (!idle.empty() && now - connections_[idle.back()].idle_since < plan_.idle_timeout) {
        const ConnectionId id = idle.back();
        idle.pop_back();
        return id;
    }
    while (!idle.empty()) {
        drop_idle(idle.back());  // the youngest is too old, so all are
    }
    return new_connection(pools_[exchange.target]);
}

template <class Io>
ConnectionId Worker<Io>::new_connection(std::uint16_t pool) {
    const ConnectionId id = connections_.take();
    connections_[id].target = pool;
    connections_[id].served = false;
    return id;
}

/// Sends what the socket takes: what the connection itself has to say, then its request.
template <class Io>
void Worker<Io>::send(ConnectionId id) {
    Connection& connection = connections_[id];
    connection.sending = true;
    if (connection.state != Connection::State::busy) {
        if (send_output(connection)) {
            connection.sending = false;
            if (connection.http2 != nullptr) {
                stamp_sent(connection);
            }
        } else if (errno != EAGAIN) {
            connection_broke(id, errno);
        }
        return;
    }
    Exchange& exchange = exchanges_[connection.exchange];
    record::Record& record = *exchange.record;
    if (exchange.sent == 0 && exchange.hops == 0) {
        record::Journal::Writer::mark_sent(record);
        record.send_start_ns = base::now_ns();
    }
    while (!exchange.all_sent() || !connection.output.empty()) {
        if (!send_rest(connection, exchange)) {
            if (errno == EAGAIN) {
                return;  // goes on when the socket is writable
            }
            return connection_broke(id, errno);
        }
    }
    connection.sending = false;
    if (exchange.hops == 0 && record.send_end_ns == 0) {
        record.send_end_ns = base::now_ns();
    }
}

/// Hands on a piece of the request. False = not now, or never (errno).
template <class Io>
bool Worker<Io>::send_rest(Connection& connection, Exchange& exchange) {
    if (connection.tls != nullptr) {
        return encrypt_rest(connection, exchange) && send_output(connection);
    }
    auto [pieces, count] = exchange.rest();
    const ssize_t written = Io::send(connection.fd, pieces.data(), count);
    if (written < 0) {
        return errno == EINTR;
    }
    exchange.sent += static_cast<std::size_t>(written);
    return true;
}

/// Encrypts a piece of the request. A short one goes into one record, head and body together.
template <class Io>
bool Worker<Io>::encrypt_rest(Connection& connection, Exchange& exchange) {
    while (!exchange.all_sent() && connection.output.size() < k_encrypt_bytes) {
        const auto [pieces, count] = exchange.rest();
        record_.clear();
        for (std::size_t i = 0; i < count && record_.size() < k_record_bytes; ++i) {
            const std::size_t size = std::min(pieces[i].iov_len, k_record_bytes - record_.size());
            record_.append(static_cast<const char*>(pieces[i].iov_base), size);
        }
        if (!connection.tls->write(record_)) {
            errno = EPROTO;
            return false;
        }
        exchange.sent += record_.size();
        take_output(connection);
    }
    return true;
}

/// Takes over what TLS has to send.
template <class Io>
void Worker<Io>::take_output(Connection& connection) {
    connection.output.append(connection.tls->output());
    connection.tls->output().clear();
}

/// Sends the connection's own bytes. False = not all of them (errno).
template <class Io>
bool Worker<Io>::send_output(Connection& connection) {
    std::string& output = connection.output;
    while (connection.output_sent < output.size()) {
        iovec piece{output.data() + connection.output_sent, output.size() - connection.output_sent};
        const ssize_t written = Io::send(connection.fd, &piece, 1);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        connection.output_sent += written < 0 ? 0 : static_cast<std::size_t>(written);
    }
    output.clear();
    connection.output_sent = 0;
    return true;
}

template <class Io>
void Worker<Io>::link(ExchangeId id) noexcept {
    Exchange& exchange = exchanges_[id];
    exchange.older = youngest_;
    exchange.younger = ExchangeId::none;
    (youngest_ == ExchangeId::none ? oldest_ : exchanges_[youngest_].younger) = id;
    youngest_ = id;
}

template <class Io>
void Worker<Io>::unlink(ExchangeId id) noexcept {
    const Exchange& exchange = exchanges_[id];
    (exchange.older == ExchangeId::none ? oldest_ : exchanges_[exchange.older].younger) = exchange.younger;
    (exchange.younger == ExchangeId::none ? youngest_ : exchanges_[exchange.younger].older) = exchange.older;
}

}  // namespace aiperf::load
