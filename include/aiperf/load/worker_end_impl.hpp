#pragma once

// Bodies of Worker: how connections end, and what becomes of the requests on them; included by worker.hpp only.

#include "aiperf/load/error_text.hpp"
#include "aiperf/load/worker.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace aiperf::load {

/// The server says nothing more. `in_good_order`: it meant to; a TLS connection that just ends may have been cut by
/// anybody.
template <class Io>
void Worker<Io>::peer_closed(ConnectionId id, bool in_good_order) {
    Connection& connection = connections_[id];
    if (connection.state == Connection::State::idle) {
        return drop_idle(id);
    }
    if (connection.state == Connection::State::shared) {
        const std::string& why = connection.http2->error();
        return lose_streams(id, why.empty() ? "the server closed the connection" : why);
    }
    if (connection.state == Connection::State::greeting) {
        return connection_broke(id, 0);
    }
    if (retry(id)) {
        return;
    }
    const base::Instant now = base::now();
    Answer& answer = exchanges_[connection.exchange].answer;
    if (in_good_order || !answer.ends_by_close()) {
        answer.closed_by_peer(now.time_since_epoch().count(), *reader_);
    } else {
        answer.fail(record::ErrorKind::payload, tls_cut_text());
    }
    complete(connection.exchange, now);
    close(id);
}

template <class Io>
void Worker<Io>::connection_broke(ConnectionId id, int error_number) {
    Connection& connection = connections_[id];
    const base::Instant now = base::now();
    switch (connection.state) {
        case Connection::State::closed: return;
        case Connection::State::idle: return drop_idle(id);
        case Connection::State::connecting:
        case Connection::State::greeting: {
            const Target& target = target_of(connection);
            if (connection.http2 != nullptr) {
                return fail_connection(
                    id,
                    record::ErrorKind::http2,
                    http2_error_text(target, "the connection ended before the server had said that it speaks HTTP/2"));
            }
            const std::size_t at = (connection.first_address + connection.tried) % target.addresses.size();
            return fail_connection(id,
                                   connection.tls == nullptr ? record::ErrorKind::connect : record::ErrorKind::tls,
                                   connection.state == Connection::State::connecting
                                       ? connect_error_text(target, target.addresses[at], error_number)
                                       : greeting_error_text(target, connection.tls != nullptr, error_number));
        }
        case Connection::State::shared: return lose_streams(id, std::generic_category().message(error_number));
        case Connection::State::busy: break;
    }
    if (retry(id)) {
        return;
    }
    exchanges_[connection.exchange].answer.broken(error_number);
    complete(connection.exchange, now);
    close(id);
}

/// TLS cannot go on: the certificate is not accepted, the server refuses, or what came is no TLS.
template <class Io>
void Worker<Io>::tls_broke(ConnectionId id) {
    Connection& connection = connections_[id];
    if (connection.state == Connection::State::idle) {
        return drop_idle(id);
    }
    const std::string text = tls_error_text(target_of(connection), *connection.tls);
    fail_connection(id, record::ErrorKind::tls, text);
}

/// Sends the request anew where a pooled connection ended without a byte of an answer. Nearly always the server had
/// closed it: many do so right after an answer, and a request that crosses the close looks, by FIN, RST and
/// acknowledgements alike, as if the server had taken it and hung up. So the two are not told apart; the record says
/// that it was sent anew, and a failing server fails the second time too. Once only, since a fresh connection has not
/// served before.
template <class Io>
bool Worker<Io>::retry(ConnectionId id) {
    Connection& connection = connections_[id];
    Exchange& exchange = exchanges_[connection.exchange];
    if (!connection.served || exchange.answer.started()) {
        return false;
    }
    close_socket(connection);
    connection.served = false;
    exchange.sent = 0;
    exchange.record->send_end_ns = 0;
    exchange.record->flags = (exchange.record->flags & ~record::flag::reused) | record::flag::retried;
    WorkerCounters::add(counters_.retries);
    connect(id);
    return true;
}

/// Ends a request, and the connection it is on where that is its alone.
template <class Io>
void Worker<Io>::fail(ExchangeId id, record::ErrorKind kind, std::string message, base::Instant now) {
    const ConnectionId carrier = exchanges_[id].connection;
    exchanges_[id].answer.fail(kind, std::move(message));
    if (carrier == ConnectionId::none) {
        return complete(id, now);  // on its way to another connection
    }
    Connection& connection = connections_[carrier];
    if (!target_of(connection).http2) {
        complete(id, now);
        return close(carrier);
    }
    leave(id);
    complete(id, now);
    if (connection.http2 != nullptr) {
        push(carrier);
    }
}

/// Ends a connection that does not come about, and all requests that wait for it.
template <class Io>
void Worker<Io>::fail_connection(ConnectionId id, record::ErrorKind kind, const std::string& message) {
    Connection& connection = connections_[id];
    const base::Instant now = base::now();
    if (!target_of(connection).http2 && connection.exchange == ExchangeId::none) {
        to_open_.clear();  // it was ahead of requests; the next would fare no better
        return close(id);
    }
    if (!target_of(connection).http2) {
        return fail(connection.exchange, kind, message, now);
    }
    const std::vector<ExchangeId> waiting = std::exchange(connection.streams, {});
    close(id);
    for (const ExchangeId request : waiting) {
        exchanges_[request].answer.fail(kind, message);
        complete(request, now);
    }
}

template <class Io>
void Worker<Io>::close_socket(Connection& connection) noexcept {
    if (connection.fd >= 0) {
        if (connection.tls != nullptr && connection.output.empty()) {
            connection.tls->close();
            take_output(connection);
            send_output(connection);  // a courtesy: whether it leaves makes no difference
        }
        ::close(connection.fd);
        connection.fd = -1;
    }
    ++connection.generation;
    connection.sending = false;
    connection.http2.reset();
    connection.tls.reset();
    connection.output.clear();
    connection.output_sent = 0;
    connection.greeting.clear();
}

template <class Io>
void Worker<Io>::close(ConnectionId id) noexcept {
    Connection& connection = connections_[id];
    part(connection);
    close_socket(connection);
    if (target_of(connection).http2) {
        std::erase(shared_connections_[connection.target], id);
        connection.streams.clear();
    }
    connection.exchange = ExchangeId::none;
    connection.state = Connection::State::closed;
    connections_.put_back(id);
}

template <class Io>
void Worker<Io>::drop_idle(ConnectionId id) noexcept {
    std::erase(idle_[connections_[id].target], id);
    close(id);
}

}  // namespace aiperf::load
