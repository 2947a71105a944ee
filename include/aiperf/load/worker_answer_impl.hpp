#pragma once

// Bodies of Worker: reading answers, ends of connections, completing requests; included by worker.hpp only.

#include "aiperf/load/error_text.hpp"
#include "aiperf/load/worker.hpp"

#include <cerrno>
#include <utility>

namespace aiperf::load {

template <class Io>
void Worker<Io>::read(ConnectionId id, bool hangup) {
    while (true) {
        const ssize_t got = Io::receive(at(id).fd, buffer_.data(), k_read_bytes);
        if (got == 0) {
            return peer_closed(id);
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
            if (at(id).state == Connection::State::idle &&
                (hangup || (static_cast<std::size_t>(got) == k_read_bytes &&
                            Io::receive(at(id).fd, buffer_.data(), k_read_bytes) >= 0))) {
                drop_idle(id);
            }
            return;
        }
        if (static_cast<std::size_t>(got) < k_read_bytes && !hangup) {
            return;  // the edge has been used up: more bytes or the end of the stream raise a new one
        }
    }
}

/// True where the answer is over.
template <class Io>
bool Worker<Io>::take_bytes(ConnectionId id, std::size_t size) {
    Connection& connection = at(id);
    const base::Instant now = base::now();
    const std::size_t used = connection.answer.feed(buffer_.data(), size, now.time_since_epoch().count(), *reader_);
    if (!connection.answer.over()) {
        return false;
    }
    // Bytes behind the answer, or an answer to a request not wholly sent: that connection is not used again.
    // A session has one request: its connection has no further use.
    const bool kept = plan_.connection_reuse == config::ConnectionReuse::pooled;
    const bool reusable = kept && connection.answer.connection_reusable() && used == size && connection.all_sent();
    complete(id, now);
    if (reusable) {
        connection.served = true;
        connection.idle_since = now;
        connection.state = Connection::State::idle;
        idle_[connection.target].push_back(id);
    } else {
        close(id);
    }
    return true;
}

template <class Io>
void Worker<Io>::peer_closed(ConnectionId id) {
    Connection& connection = at(id);
    if (retry(id)) {
        return;
    }
    const base::Instant now = base::now();
    connection.answer.closed_by_peer(now.time_since_epoch().count(), *reader_);
    complete(id, now);
    close(id);
}

template <class Io>
void Worker<Io>::connection_broke(ConnectionId id, int error_number) {
    Connection& connection = at(id);
    const base::Instant now = base::now();
    if (connection.state == Connection::State::connecting) {
        return fail(
            id, record::ErrorKind::connect, connect_error_text(plan_.targets[connection.target], error_number), now);
    }
    if (retry(id)) {
        return;
    }
    connection.answer.broken(error_number);
    complete(id, now);
    close(id);
}

/// Sends the request anew where a pooled connection ended without a byte of an answer. Nearly always the server had
/// closed it: many do so right after an answer, and a request that crosses the close looks, by FIN, RST and
/// acknowledgements alike, as if the server had taken it and hung up. So the two are not told apart; the record says
/// that it was sent anew, and a failing server fails the second time too. Once only, since a fresh connection has not
/// served before.
template <class Io>
bool Worker<Io>::retry(ConnectionId id) {
    Connection& connection = at(id);
    if (!connection.served || connection.answer.started()) {
        return false;
    }
    ::close(connection.fd);
    ++connection.generation;
    connection.fd = -1;
    connection.served = false;
    connection.sent = 0;
    connection.record->flags = (connection.record->flags & ~record::flag::reused) | record::flag::retried;
    WorkerCounters::add(counters_.retries);
    connect(id);
    return true;
}

template <class Io>
void Worker<Io>::fail(ConnectionId id, record::ErrorKind kind, std::string message, base::Instant now) {
    at(id).answer.fail(kind, std::move(message));
    complete(id, now);
    close(id);
}

/// Writes the record and frees the slot. The connection is the caller's to keep or close.
template <class Io>
void Worker<Io>::complete(ConnectionId id, base::Instant now) {
    Connection& connection = at(id);
    record::Record& record = *connection.record;
    Answer& answer = connection.answer;
    answer.finish(now.time_since_epoch().count());
    count(record, answer);
    if (plan_.failed_request_threshold && phase_->profiling) {
        stop_for_failures();
    }
    if (!writer_.commit(record, answer.events(), answer.output(), answer.reasoning(), answer.error())) {
        stop_for_full_journal();
    }
    unlink(id);
    connection.record = nullptr;
    --in_flight_;
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
