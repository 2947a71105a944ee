#pragma once

// Bodies of Worker: from an address to a connection that carries requests; included by worker.hpp only.

#include "aiperf/load/error_text.hpp"
#include "aiperf/load/worker.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <limits>
#include <sys/socket.h>
#include <unistd.h>

namespace aiperf::load {

/// Decides how many connections are opened before a phase: where it has a schedule, as many as answers of a second
/// would keep busy, within the worker's slots. Those that are idle already count.
template <class Io>
void Worker<Io>::plan_ahead(const schedule::Phase& phase) {
    if (!phase.arrivals || plan_.connection_reuse != config::ConnectionReuse::pooled ||
        plan_.idle_timeout.count() == 0) {
        return;
    }
    const std::uint32_t most = plan_.connections_ahead;
    const double per_worker = phase.arrivals->rate / plan_.workers;
    std::uint64_t wanted = per_worker < most ? static_cast<std::uint64_t>(std::ceil(per_worker)) : most;
    if (phase.concurrency) {
        wanted = std::min<std::uint64_t>(wanted, schedule::share_of(*phase.concurrency, number_, plan_.workers));
    }
    if (phase.requests) {
        wanted = std::min(wanted, (*phase.requests + plan_.workers - 1) / plan_.workers);
    }
    for (std::size_t pool = 0; pool < pools_.size(); ++pool) {
        if (pools_[pool] == pool && !plan_.targets[pool].http2) {
            const std::size_t missing = wanted - std::min<std::size_t>(wanted, idle_[pool].size());
            to_open_.insert(to_open_.end(), missing, static_cast<std::uint16_t>(pool));
        }
    }
}

/// Goes on opening connections ahead, a few at a time: a server's backlog may be short. One that fails ends it; the
/// requests will find out, and have a record to say so.
template <class Io>
void Worker<Io>::open_ahead() {
    forget_settled_attempts();
    while (!to_open_.empty() && attempts_.size() < k_opened_at_once) {
        const ConnectionId id = new_connection(to_open_.back());
        to_open_.pop_back();
        connect(id);
        forget_settled_attempts();
    }
}

/// A connection that was opened ahead lies in the pool, behind those before it: what is used first was opened first, so
/// a server that has a thread for one connection only serves it while it is enough.
template <class Io>
void Worker<Io>::keep_ahead(ConnectionId id) {
    Connection& connection = connections_[id];
    connection.state = Connection::State::idle;
    connection.served = true;
    connection.idle_since = base::now();
    idle_[connection.target].insert(idle_[connection.target].begin(), id);
    send(id);  // what is left of a greeting
}

template <class Io>
void Worker<Io>::connect(ConnectionId id) {
    Connection& connection = connections_[id];
    if (connection.exchange != ExchangeId::none && exchanges_[connection.exchange].hops == 0) {
        exchanges_[connection.exchange].record->connect_start_ns = base::now_ns();
    }
    connection.first_address = next_address_[connection.target]++;
    connection.tried = 0;
    if (!try_addresses(id)) {
        connection_broke(id, errno);
    }
}

/// Begins an attempt at the first address that takes one. False where none does (errno).
template <class Io>
bool Worker<Io>::try_addresses(ConnectionId id) {
    Connection& connection = connections_[id];
    const std::vector<Address>& addresses = target_of(connection).addresses;
    for (; connection.tried < addresses.size(); ++connection.tried) {
        const Address& address = addresses[(connection.first_address + connection.tried) % addresses.size()];
        const Address* source = nullptr;
        for (std::size_t i = 0; i < plan_.sources.size() && source == nullptr; ++i) {
            const Address& next = plan_.sources[next_source_++ % plan_.sources.size()];
            source = next.family() == address.family() ? &next : nullptr;
        }
        connection.state = Connection::State::connecting;
        connection.fd = open_socket(address, plan_.socket, source);
        if (connection.fd >= 0) {
            const int result = ::connect(connection.fd, address.get(), address.length);
            const bool begun = result == 0 || errno == EINPROGRESS;
            const std::uint64_t token = std::uint64_t{connection.generation} << 32U | static_cast<std::uint32_t>(id);
            if (begun && io_.watch(connection.fd, token)) {
                attempts_.push_back({id, connection.generation, base::now()});
                if (result == 0) {
                    connect_finished(id);
                }
                return true;
            }
        }
        const int number = errno;
        if (connection.tried + 1 < addresses.size()) {
            close_socket(connection);
        }
        errno = number;
    }
    --connection.tried;  // the last one, for the message
    const bool own =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM || errno == EADDRNOTAVAIL;
    if (own) {
        WorkerCounters::add(counters_.own_failures);
    }
    return false;
}

/// Turns from an address that failed to the next one. False where that was the last, or a greeting has begun.
template <class Io>
bool Worker<Io>::try_next_address(ConnectionId id) {
    Connection& connection = connections_[id];
    if (connection.state != Connection::State::connecting ||
        connection.tried + 1 >= target_of(connection).addresses.size()) {
        return false;
    }
    close_socket(connection);
    ++connection.tried;
    if (!try_addresses(id)) {
        connection_broke(id, errno);
    }
    return true;
}

template <class Io>
void Worker<Io>::connect_finished(ConnectionId id) {
    Connection& connection = connections_[id];
    if (const int number = connect_error(connection.fd); number != 0) {
        if (!try_next_address(id)) {
            connection_broke(id, number);
        }
        return;
    }
    const Target& target = target_of(connection);
    if (!target.tls) {
        return target.http2 ? begin_http2(id) : ready(id);
    }
    connection.state = Connection::State::greeting;
    if (target.tunnel.empty()) {
        return begin_tls(id);
    }
    connection.output = target.tunnel;
    send(id);
}

/// Takes what a proxy says to a CONNECT.
template <class Io>
void Worker<Io>::tunnel_answered(ConnectionId id, std::size_t size) {
    constexpr std::size_t k_longest = 16UL * 1024;
    Connection& connection = connections_[id];
    connection.greeting.append(buffer_.data(), size);
    const std::size_t end = connection.greeting.find("\r\n\r\n");
    if (end == std::string::npos && connection.greeting.size() < k_longest) {
        return;
    }
    const std::string line = connection.greeting.substr(0, connection.greeting.find("\r\n"));
    const bool agreed = line.starts_with("HTTP/1.") && line.size() > 9 && line[9] == '2';
    if (!agreed || connection.greeting.size() != end + 4) {
        const Target& target = target_of(connection);
        return fail_connection(
            id, record::ErrorKind::connect, proxy_error_text(target, agreed ? "it says more than it was asked" : line));
    }
    connection.greeting.clear();
    begin_tls(id);
}

template <class Io>
void Worker<Io>::begin_tls(ConnectionId id) {
    Connection& connection = connections_[id];
    connection.tls_start_ns = base::now_ns();
    connection.tls =
        std::make_unique<TlsSession>(*tls_,
                                     target_of(connection).host,
                                     connection.target,
                                     target_of(connection).http2 ? config::HttpVersion::v2 : config::HttpVersion::v1_1);
    shake_hands(id);
}

/// Goes on with the handshake. True once the connection carries requests.
template <class Io>
bool Worker<Io>::shake_hands(ConnectionId id) {
    Connection& connection = connections_[id];
    const TlsSession::Outcome outcome = connection.tls->handshake();
    take_output(connection);
    if (outcome == TlsSession::Outcome::failed || outcome == TlsSession::Outcome::closed) {
        send_output(connection);  // the alert: whether it leaves makes no difference
        tls_broke(id);
        return false;
    }
    if (outcome == TlsSession::Outcome::more) {
        send(id);
        return false;
    }
    connection.tls_end_ns = base::now_ns();
    const Target& target = target_of(connection);
    if (!target.http2) {
        ready(id);
    } else if (connection.tls->protocol() == "h2") {
        begin_http2(id);
    } else {
        fail_connection(id, record::ErrorKind::http2, http2_error_text(target, "the server no longer offers it"));
        return false;
    }
    return true;
}

/// The connection can carry its request.
template <class Io>
void Worker<Io>::ready(ConnectionId id) {
    if (connections_[id].exchange == ExchangeId::none) {
        return keep_ahead(id);
    }
    connections_[id].state = Connection::State::busy;
    stamp_connected(connections_[id]);
    send(id);
}

/// In the record of the request that the connection was made for.
template <class Io>
void Worker<Io>::stamp_connected(Connection& connection) {
    constexpr std::int64_t k_most = std::numeric_limits<std::uint32_t>::max();
    if (connection.exchange == ExchangeId::none || exchanges_[connection.exchange].hops != 0) {
        return;
    }
    record::Record& record = *exchanges_[connection.exchange].record;
    record.connect_end_ns = base::now_ns();
    if (connection.tls != nullptr) {
        record.tls_ns = static_cast<std::uint32_t>(std::min(connection.tls_end_ns - connection.tls_start_ns, k_most));
        record.flags |= connection.tls->resumed() ? record::flag::tls_resumed : 0U;
    }
}

}  // namespace aiperf::load
