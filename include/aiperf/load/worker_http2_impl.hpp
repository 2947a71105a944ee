#pragma once

// Bodies of Worker: connections that carry many requests; included by worker.hpp only.

#include "aiperf/load/error_text.hpp"
#include "aiperf/load/worker.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace aiperf::load {

/// Hands what frames bring to the requests they belong to.
template <class Io>
struct Worker<Io>::Streams final : Http2Session::Listener {
    Worker& worker;
    base::Instant now;

    explicit Streams(Worker& owner)
        : worker(owner),
          now(base::now()) {}

    [[nodiscard]] std::int64_t now_ns() const noexcept { return now.time_since_epoch().count(); }

    void on_head(ExchangeId id, const http::ResponseHead& head) override {
        worker.exchanges_[id].answer.framed_head(head, now_ns());
    }

    void on_body(ExchangeId id, char* data, std::size_t size) override {
        Answer& answer = worker.exchanges_[id].answer;
        answer.framed_body(data, size, now_ns(), *worker.reader_);
        if (answer.over()) {
            worker.end_stream(id, now);
        }
    }

    void on_end(ExchangeId id) override {
        worker.exchanges_[id].answer.framed_end(now_ns(), *worker.reader_);
        worker.end_stream(id, now);
    }

    void on_reset(ExchangeId id, std::string_view why, bool refused) override {
        Exchange& exchange = worker.exchanges_[id];
        if (refused && worker.send_anew(exchange)) {
            return worker.put_off(id);
        }
        const Target& target = worker.plan_.targets[exchange.target];
        exchange.answer.fail(record::ErrorKind::http2, http2_error_text(target, why));
        worker.end_stream(id, now);
    }
};

/// A connection that takes one more request to `target`, or a new one.
template <class Io>
ConnectionId Worker<Io>::take_shared(const Exchange& exchange, base::Instant now) {
    if (is_sticky(exchange)) {
        return take_own(exchange, now);
    }
    std::vector<ConnectionId>& shared = shared_connections_[pools_[exchange.target]];
    for (std::size_t at = 0; at < shared.size();) {
        const ConnectionId id = shared[at];
        Connection& connection = connections_[id];
        const bool stale = connection.state == Connection::State::shared && connection.streams.empty() &&
                           now - connection.idle_since >= plan_.idle_timeout;
        if (stale) {
            close(id);  // it leaves the list
        } else if (connection.open_to_more && connection.streams.size() < connection.most_streams) {
            return id;
        } else {
            ++at;
        }
    }
    return new_shared(pools_[exchange.target]);
}

template <class Io>
ConnectionId Worker<Io>::new_shared(std::uint16_t pool) {
    const ConnectionId id = new_connection(pool);
    connections_[id].most_streams = plan_.connection_reuse == config::ConnectionReuse::pooled ? plan_.streams : 1;
    connections_[id].open_to_more = true;
    shared_connections_[pool].push_back(id);
    return id;
}

/// Puts a request on a shared connection: it goes out at once, or when the connection is ready.
template <class Io>
void Worker<Io>::join(ExchangeId id, ConnectionId carrier) {
    Connection& connection = connections_[carrier];
    exchanges_[id].connection = carrier;
    exchanges_[id].stream = 0;
    connection.streams.push_back(id);
    connection.open_to_more = connection.open_to_more && plan_.connection_reuse == config::ConnectionReuse::pooled;
    if (connection.state == Connection::State::closed) {
        connection.exchange = id;
        return connect(carrier);
    }
    exchanges_[id].record->flags |= exchanges_[id].hops == 0 ? record::flag::reused : 0U;
    if (connection.state == Connection::State::shared) {
        open_stream(id);
        push(carrier);
    }
}

template <class Io>
void Worker<Io>::begin_http2(ConnectionId id) {
    Connection& connection = connections_[id];
    connection.state = Connection::State::greeting;
    connection.http2 = std::make_unique<Http2Session>();
    push(id);
}

/// The server has said how many streams it allows: what waits goes out, and what is too much goes elsewhere.
template <class Io>
void Worker<Io>::http2_ready(ConnectionId id) {
    Connection& connection = connections_[id];
    connection.state = Connection::State::shared;
    connection.idle_since = base::now();
    connection.most_streams = std::min(connection.most_streams, connection.http2->limit());
    if (connection.most_streams == 0) {
        return fail_connection(
            id, record::ErrorKind::http2, http2_error_text(target_of(connection), "the server allows no streams"));
    }
    stamp_connected(connection);
    const std::vector<ExchangeId> waiting = connection.streams;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        if (i < connection.most_streams) {
            open_stream(waiting[i]);
        } else {
            put_off(waiting[i]);
        }
    }
}

template <class Io>
void Worker<Io>::open_stream(ExchangeId id) {
    Exchange& exchange = exchanges_[id];
    Connection& connection = connections_[exchange.connection];
    if (exchange.hops == 0) {
        record::Journal::Writer::mark_sent(*exchange.record);
        exchange.record->send_start_ns = base::now_ns();
    }
    exchange.sent = exchange.head.size() + exchange.body.size();
    exchange.stream = connection.http2->submit(id, exchange.head, exchange.body, target_of(connection).tls);
    if (exchange.stream == 0) {
        connection.open_to_more = false;  // all numbers of streams are used up
        put_off(id);
    }
}

/// Takes a request off its connection, to be sent on another one at the end of this turn.
template <class Io>
void Worker<Io>::put_off(ExchangeId id) {
    part(connections_[exchanges_[id].connection]);
    leave(id);
    exchanges_[id].connection = ConnectionId::none;
    again_.push_back(id);
}

/// Takes frames. True where the connection is gone.
template <class Io>
bool Worker<Io>::take_frames(ConnectionId id, char* data, std::size_t size) {
    Connection& connection = connections_[id];
    const std::uint32_t generation = connection.generation;
    Streams streams(*this);
    const bool goes_on = connection.http2->feed(data, size, streams);
    if (goes_on && connection.state == Connection::State::greeting && connection.http2->ready()) {
        http2_ready(id);
    }
    if (connection.generation != generation) {
        return true;
    }
    connection.open_to_more = connection.open_to_more && !connection.http2->going_away();
    push(id);
    if (connection.generation == generation && (!goes_on || connection.http2->over())) {
        lose_streams(id, connection.http2->error());
    }
    return connection.generation != generation;
}

/// Sends what the session has to say. A connection that has no more use is closed.
template <class Io>
void Worker<Io>::push(ConnectionId id) {
    Connection& connection = connections_[id];
    Streams streams(*this);
    frames_.clear();
    connection.http2->fill(connection.tls == nullptr ? connection.output : frames_, streams);
    if (!frames_.empty() && !connection.tls->write(frames_)) {
        return lose_streams(id, connection.tls->error());
    }
    if (connection.tls != nullptr) {
        take_output(connection);
    }
    const std::uint32_t generation = connection.generation;
    if (!connection.output.empty()) {
        send(id);
    }
    if (connection.generation == generation && connection.state == Connection::State::shared &&
        connection.streams.empty() && !connection.open_to_more && connection.session == SessionId::none) {
        close(id);
    }
}

/// The kernel has taken all that was to be sent.
template <class Io>
void Worker<Io>::stamp_sent(Connection& connection) {
    const std::int64_t now = base::now_ns();
    for (const ExchangeId id : connection.http2->sent()) {
        if (exchanges_[id].hops == 0) {
            exchanges_[id].record->send_end_ns = now;
        }
    }
    connection.http2->sent().clear();
}

/// The answer on a stream is over.
template <class Io>
void Worker<Io>::end_stream(ExchangeId id, base::Instant now) {
    Connection& connection = connections_[exchanges_[id].connection];
    connection.served = true;
    connection.idle_since = now;
    leave(id);
    if (!redirect(id)) {
        complete(id, now);
    }
}

/// Takes a request off its connection.
template <class Io>
void Worker<Io>::leave(ExchangeId id) {
    Exchange& exchange = exchanges_[id];
    Connection& connection = connections_[exchange.connection];
    if (exchange.stream != 0) {
        connection.http2->let_go(exchange.stream);
    }
    exchange.stream = 0;
    std::erase(connection.streams, id);
    connection.exchange = connection.exchange == id ? ExchangeId::none : connection.exchange;
}

/// The connection is over: what it has begun to answer is an error, and so is what is sent for the second time.
template <class Io>
void Worker<Io>::lose_streams(ConnectionId id, const std::string& why) {
    Connection& connection = connections_[id];
    const bool served = connection.served;
    const std::string message = http2_error_text(target_of(connection), why);
    const std::vector<ExchangeId> lost = std::exchange(connection.streams, {});
    close(id);
    const base::Instant now = base::now();
    for (const ExchangeId request : lost) {
        Exchange& exchange = exchanges_[request];
        exchange.stream = 0;
        exchange.connection = ConnectionId::none;
        if (served && send_anew(exchange)) {
            again_.push_back(request);
        } else {
            exchange.answer.fail(record::ErrorKind::http2, message);
            complete(request, now);
        }
    }
}

/// True where a request that was not begun to be answered may be sent once more.
template <class Io>
bool Worker<Io>::send_anew(Exchange& exchange) noexcept {
    record::Record& record = *exchange.record;
    if (exchange.answer.started() || (record.flags & record::flag::retried) != 0) {
        return false;
    }
    record.send_end_ns = 0;
    record.flags = (record.flags & ~record::flag::reused) | record::flag::retried;
    WorkerCounters::add(counters_.retries);
    return true;
}

}  // namespace aiperf::load
