#pragma once

// Bodies of Worker: reading answers and completing requests; included by worker.hpp only.

#include "aiperf/load/error_text.hpp"
#include "aiperf/load/redirect.hpp"
#include "aiperf/load/worker.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace aiperf::load {

template <class Io>
void Worker<Io>::read(ConnectionId id, bool hangup) {
    Connection& connection = connections_[id];
    while (true) {
        const ssize_t got = Io::receive(connection.fd, buffer_.data(), k_read_bytes, arrived_wall_ns_);
        if (got == 0) {
            return peer_closed(id, connection.tls == nullptr);
        }
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno != EAGAIN) {
                connection_broke(id, errno);
            }
            return;
        }
        if (take_bytes(id, static_cast<std::size_t>(got))) {
            // The answer is over. A server that has closed already, or said more than the buffer holds, is noticed
            // here, before the connection is used again.
            if (connection.state == Connection::State::idle &&
                (hangup || (static_cast<std::size_t>(got) == k_read_bytes &&
                            Io::receive(connection.fd, buffer_.data(), k_read_bytes, arrived_wall_ns_) >= 0))) {
                drop_idle(id);
            }
            return;
        }
        if (static_cast<std::size_t>(got) < k_read_bytes && !hangup) {
            return;  // the edge has been used up: more bytes or the end of the stream raise a new one
        }
    }
}

/// Takes what was read into the buffer. True where the answer is over, or the connection is.
template <class Io>
bool Worker<Io>::take_bytes(ConnectionId id, std::size_t size) {
    Connection& connection = connections_[id];
    const base::Instant now = base::now();
    if (connection.tls != nullptr) {
        return take_ciphertext(id, size, now);
    }
    if (connection.state == Connection::State::busy) {
        return take_answer(id, buffer_.data(), size, now);
    }
    if (connection.http2 != nullptr) {
        return take_frames(id, buffer_.data(), size);
    }
    if (connection.state == Connection::State::greeting) {
        const std::uint32_t generation = connection.generation;
        tunnel_answered(id, size);
        return connection.generation != generation;
    }
    drop_idle(id);  // bytes that nobody asked for
    return true;
}

/// How long what was read last had lain in the kernel, by its stamp; 0 = it gave none. Its clock is the wall's, which
/// may be stepped: what cannot be is not believed.
template <class Io>
std::uint32_t Worker<Io>::read_lag(base::Instant now) const noexcept {
    constexpr std::int64_t k_longest = std::numeric_limits<std::uint32_t>::max();
    if (arrived_wall_ns_ == 0) {
        return 0;
    }
    const std::int64_t lag = now.time_since_epoch().count() - (arrived_wall_ns_ - wall_offset_ns_);
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(lag, 1, k_longest));
}

template <class Io>
bool Worker<Io>::take_ciphertext(ConnectionId id, std::size_t size, base::Instant now) {
    Connection& connection = connections_[id];
    const std::uint32_t generation = connection.generation;
    connection.tls->give(buffer_.data(), size);
    if (connection.state == Connection::State::greeting && connection.http2 == nullptr && !shake_hands(id)) {
        return connection.generation != generation;
    }
    bool over = false;
    while (connection.generation == generation) {
        std::size_t got = 0;
        switch (connection.tls->read(plain_.data(), k_read_bytes, got)) {
            case TlsSession::Outcome::more:
                if (!connection.tls->output().empty()) {
                    take_output(connection);  // an answer of TLS itself, to new keys
                    send(id);
                }
                return over || connection.generation != generation;
            case TlsSession::Outcome::closed: peer_closed(id, true); break;
            case TlsSession::Outcome::failed: tls_broke(id); break;
            case TlsSession::Outcome::bytes:
                if (connection.http2 != nullptr) {
                    take_frames(id, plain_.data(), got);
                } else if (connection.state != Connection::State::busy) {
                    drop_idle(id);  // bytes that nobody asked for
                } else {
                    over = take_answer(id, plain_.data(), got, now) || over;
                }
                break;
        }
    }
    return true;
}

/// Takes bytes of the answer. True where it is over.
template <class Io>
bool Worker<Io>::take_answer(ConnectionId id, char* data, std::size_t size, base::Instant now) {
    Connection& connection = connections_[id];
    const ExchangeId request = connection.exchange;
    Exchange& exchange = exchanges_[request];
    exchange.answer.note_read(connection.tls == nullptr ? read_lag(now) : 0, turns_.late(now));
    const std::size_t used = exchange.answer.feed(data, size, now.time_since_epoch().count(), *reader_);
    if (!exchange.answer.over()) {
        return false;
    }
    // Bytes behind the answer, or an answer to a request not wholly sent: that connection is not used again.
    const bool reusable =
        exchange.answer.connection_reusable() && used == size && exchange.all_sent() && connection.output.empty();
    const bool pooled = plan_.connection_reuse == config::ConnectionReuse::pooled;
    const bool redirected = redirect(request);
    if (!redirected) {
        complete(request, now);  // after the last turn of a session its connection is nobody's
    }
    if (!reusable || !(pooled || (connection.session != SessionId::none && !redirected))) {
        close(id);
        return true;
    }
    connection.served = true;
    connection.idle_since = now;
    connection.state = Connection::State::idle;
    connection.exchange = ExchangeId::none;
    if (connection.session == SessionId::none) {
        idle_[connection.target].push_back(id);
    }
    return true;
}

/// True where the answer sends the request elsewhere and it goes there.
template <class Io>
bool Worker<Io>::redirect(ExchangeId id) {
    Exchange& exchange = exchanges_[id];
    if (exchange.answer.redirected_to().empty()) {
        return false;
    }
    if (const std::string why_not = follow_redirect(exchange, plan_); !why_not.empty()) {
        exchange.answer.not_followed(why_not);
        return false;
    }
    exchange.record->flags |= record::flag::redirected;
    exchange.connection = ConnectionId::none;
    again_.push_back(id);
    return true;
}

/// Writes the record and frees the slot. The connection is the caller's to keep or close.
template <class Io>
void Worker<Io>::complete(ExchangeId id, base::Instant now) {
    Exchange& exchange = exchanges_[id];
    record::Record& record = *exchange.record;
    Answer& answer = exchange.answer;
    answer.finish(now.time_since_epoch().count());
    count(record, answer);
    if (plan_.failed_request_threshold && phase_->profiling) {
        stop_for_failures();
    }
    if (!writer_.commit(record, answer.events(), answer.output(), answer.reasoning(), answer.error())) {
        stop_for_full_journal();
    }
    unlink(id);
    if (!again_.empty()) {
        std::erase(again_, id);
    }
    if (exchange.session != SessionId::none) {
        end_turn(exchange, now);
    } else {
        WorkerCounters::add(counters_.sessions_completed);
        --in_flight_;
    }
    exchange.record = nullptr;
    exchanges_.put_back(id);
}

template <class Io>
void Worker<Io>::count(const record::Record& record, const Answer& answer) noexcept {
    WorkerCounters::add(counters_.completed);
    if (record.error != 0) {
        WorkerCounters::add(counters_.errors);
        return;
    }
    if ((record.flags & record::flag::streamed) == 0) {
        return;
    }
    counters_.time_to_first_token.add(record.first_content_ns - record.send_start_ns);
    std::int64_t before = 0;
    for (const record::Event& event : answer.events()) {
        if (event.has_content()) {
            if (before != 0) {
                counters_.inter_token_latency.add(event.at_ns - before);
            }
            before = event.at_ns;
        }
    }
}

}  // namespace aiperf::load
