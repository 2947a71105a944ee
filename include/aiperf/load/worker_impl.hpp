#pragma once

// Bodies of Worker; included by worker.hpp only.

#include "aiperf/load/error_text.hpp"
#include "aiperf/load/worker.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace aiperf::load {

template <class Io>
Worker<Io>::Worker(std::uint32_t number,
                   const LoadPlan& plan,
                   SharedState& shared,
                   record::Journal::Writer& writer,
                   std::function<void()> on_phase_done)
    : number_(number),
      plan_(plan),
      shared_(shared),
      counters_(shared.counters(number)),
      writer_(writer),
      on_phase_done_(std::move(on_phase_done)),
      reader_(plan.endpoint->reader()),
      buffer_(k_read_bytes + http::SseParser::k_padding),
      idle_(plan.targets.size()) {}

template <class Io>
Worker<Io>::~Worker() {
    for (const auto& connection : connections_) {
        if (connection->fd >= 0) {
            ::close(connection->fd);
        }
    }
}

template <class Io>
void Worker<Io>::run() {
    std::uint32_t done = 0;
    while (true) {
        const std::uint32_t phase = shared_.phase.load(std::memory_order_acquire);
        if (phase == SharedState::k_quit) {
            return;
        }
        if (phase != done) {
            begin_phase(phase - 1);
            work_phase();
            done = phase;
            shared_.workers_done.fetch_add(1, std::memory_order_acq_rel);
            on_phase_done_();
            continue;
        }
        io_.arm(base::Instant::max());
        for (const Ready& ready : io_.wait(true)) {
            handle(ready);  // a pooled connection may be closed by its server meanwhile
        }
    }
}

template <class Io>
void Worker<Io>::begin_phase(std::uint32_t phase) {
    phase_ = &plan_.phases[phase];
    phase_index_ = static_cast<std::uint8_t>(phase);
    first_slot_ = shared_.first_slot.load(std::memory_order_relaxed);
    phase_start_ = base::Instant(base::Nanoseconds(shared_.phase_start_ns.load(std::memory_order_relaxed)));
    phase_end_ = phase_->duration ? phase_start_ + *phase_->duration : base::Instant::max();
    grace_end_ = phase_->duration && phase_->grace ? phase_end_ + *phase_->grace : base::Instant::max();
    cursor_.reset();
    if (phase_->arrivals) {
        cursor_.emplace(*phase_->arrivals);
    }
    slots_ = phase_->concurrency ? schedule::share_of(*phase_->concurrency, number_, plan_.workers) : k_unlimited;
    exhausted_ = slots_ == 0;
    pending_ = nullptr;
    counters_.reset();
}

template <class Io>
void Worker<Io>::work_phase() {
    while (!(exhausted_ && in_flight_ == 0)) {
        obey_stop();
        const bool more = fill();
        if (exhausted_ && in_flight_ == 0) {
            break;
        }
        io_.arm(next_wake());
        for (const Ready& ready : io_.wait(!more)) {
            handle(ready);
            if (!exhausted_ && !cursor_) {
                fill();  // closed loop: the slot just freed is used before the next answer is looked at
            }
        }
        expire(base::now());
    }
}

template <class Io>
void Worker<Io>::handle(const Ready& ready) {
    if (ready.token == Io::k_timer_token || ready.token == Io::k_wake_token) {
        return;  // the loop looks at clock and state after each turn
    }
    const auto id = static_cast<ConnectionId>(ready.token);
    const auto generation = static_cast<std::uint32_t>(ready.token >> 32U);
    if (at(id).generation != generation) {
        return;  // of a connection closed in this very turn
    }
    switch (at(id).state) {
        case Connection::State::closed: break;
        case Connection::State::connecting:
            connect_finished(id);
            // A server that speaks first, or has hung up already, is not announced a second time.
            if ((ready.readable || ready.hangup) && at(id).generation == generation) {
                read(id, ready.hangup);
            }
            break;
        case Connection::State::busy:
            if (ready.writable && !at(id).all_sent()) {
                send(id);
            }
            if ((ready.readable || ready.hangup) && at(id).generation == generation) {
                read(id, ready.hangup);
            }
            break;
        case Connection::State::idle:
            if (ready.readable || ready.hangup) {
                drop_idle(id);  // closed by the server, or bytes that nobody asked for
            }
            break;
    }
}

template <class Io>
void Worker<Io>::obey_stop() {
    const auto stop = static_cast<Stop>(shared_.stop.load(std::memory_order_relaxed));
    if (stop == Stop::none) {
        return;
    }
    exhausted_ = true;
    pending_ = nullptr;
    if (stop == Stop::in_flight) {
        cancel_in_flight(base::now());
    }
}

template <class Io>
void Worker<Io>::cancel_in_flight(base::Instant now) {
    while (oldest_ != k_no_connection) {
        const ConnectionId id = oldest_;
        record::Record& record = *at(id).record;
        const std::int64_t from = record.send_start_ns != 0 ? record.send_start_ns : record.acquired_ns;
        std::array<char, 80> text{};
        std::snprintf(text.data(),
                      text.size(),
                      "Request cancelled %.3fs after being sent",
                      static_cast<double>(now.time_since_epoch().count() - from) * 1e-9);
        record.flags |= record::flag::cancelled;
        fail(id, record::ErrorKind::cancelled, text.data(), now);
    }
}

template <class Io>
void Worker<Io>::expire(base::Instant now) {
    if (now >= grace_end_) {
        exhausted_ = true;
        pending_ = nullptr;
        cancel_in_flight(now);
        return;
    }
    if (plan_.request_timeout.count() > 0) {
        while (oldest_ != k_no_connection && now >= at(oldest_).claimed + plan_.request_timeout) {
            fail(oldest_, record::ErrorKind::timeout, "TimeoutError()", now);
        }
    }
    forget_settled_attempts();
    while (!attempts_.empty() && now >= attempts_.front().began + plan_.connect_timeout) {
        const ConnectionId id = attempts_.front().id;
        const std::string& name = plan_.targets[at(id).target].name;
        fail(id, record::ErrorKind::connect, "ClientConnectorError(" + name + ", connect timeout)", now);
        forget_settled_attempts();
    }
}

/// No room for records: nothing more is sent, by anybody. A stronger stop stays.
template <class Io>
void Worker<Io>::stop_for_full_journal() noexcept {
    shared_.journal_full.store(1);
    auto none = static_cast<std::uint32_t>(Stop::none);
    shared_.stop.compare_exchange_strong(none, static_cast<std::uint32_t>(Stop::sending));
}

/// Drops connection attempts from the front of the list that have succeeded or failed.
template <class Io>
void Worker<Io>::forget_settled_attempts() noexcept {
    const auto settled = [this](const Attempt& attempt) {
        const Connection& connection = at(attempt.id);
        return connection.generation != attempt.generation || connection.state != Connection::State::connecting;
    };
    while (!attempts_.empty() && settled(attempts_.front())) {
        attempts_.pop_front();
    }
}

template <class Io>
base::Instant Worker<Io>::next_wake() const noexcept {
    base::Instant wake = grace_end_;
    if (pending_ != nullptr) {
        wake = std::min(wake, pending_due_);
    }
    if (oldest_ != k_no_connection && plan_.request_timeout.count() > 0) {
        wake = std::min(wake, connections_[oldest_]->claimed + plan_.request_timeout);
    }
    if (!attempts_.empty()) {
        wake = std::min(wake, attempts_.front().began + plan_.connect_timeout);
    }
    return wake;
}

// ---- claiming and sending -------------------------------------------------------------------------------------------

/// Starts what is due. True where it stopped only to look after answers.
template <class Io>
bool Worker<Io>::fill() {
    for (int i = 0; i < k_sends_per_turn; ++i) {
        if (exhausted_ || in_flight_ >= slots_) {
            return false;
        }
        if (shared_.stop.load(std::memory_order_relaxed) != static_cast<std::uint32_t>(Stop::none)) {
            return true;  // told amid a batch of answers: the loop obeys at once
        }
        const base::Instant now = base::now();
        if (pending_ == nullptr && !claim(now)) {
            return false;
        }
        if (pending_due_ > now) {
            return false;
        }
        start(now);
    }
    return true;
}

template <class Io>
bool Worker<Io>::claim(base::Instant now) {
    if (!cursor_ && now >= phase_end_) {
        exhausted_ = true;
        return false;
    }
    const std::uint64_t index = shared_.next_index.fetch_add(1, std::memory_order_relaxed);
    if (phase_->requests && index >= *phase_->requests) {
        exhausted_ = true;
        return false;
    }
    pending_due_ = cursor_ ? phase_start_ + cursor_->at(index) : now;
    if (pending_due_ >= phase_end_) {
        exhausted_ = true;
        return false;
    }
    record::Record* record = writer_.claim(first_slot_ + index);
    if (record == nullptr) {
        stop_for_full_journal();
        exhausted_ = true;
        return false;
    }
    record->phase = phase_index_;
    record->session = static_cast<std::uint32_t>(index);
    record->conversation = static_cast<std::uint32_t>(schedule::sequential_entry(index, plan_.dataset->size()));
    record->target = static_cast<std::uint16_t>(index % plan_.targets.size());
    record->planned_ns = pending_due_.time_since_epoch().count();
    pending_ = record;
    pending_index_ = index;
    return true;
}

template <class Io>
void Worker<Io>::start(base::Instant now) {
    record::Record& record = *std::exchange(pending_, nullptr);
    const dataset::Dataset::Entry entry = plan_.dataset->entry(record.conversation);
    record.acquired_ns = now.time_since_epoch().count();
    record.input_tokens = entry.input_tokens;
    record.requested_tokens = entry.requested_tokens;
    const ConnectionId id = take_connection(record.target, now);
    Connection& connection = at(id);
    connection.record = &record;
    connection.slot = first_slot_ + pending_index_;
    connection.claimed = now;
    connection.body = entry.body;
    connection.sent = 0;
    plan_.targets[record.target].write_head(
        connection.head, plan_.ids, connection.slot, record.session, entry.body.size());
    record.request_bytes = static_cast<std::uint32_t>(connection.head.size() + connection.body.size());
    connection.answer.begin(record, plan_.keep_text);
    ++in_flight_;
    link(id);
    WorkerCounters::add(counters_.sent);
    if (connection.fd >= 0) {
        record.flags |= record::flag::reused;
        connection.state = Connection::State::busy;
        send(id);
    } else {
        connect(id);
    }
}

template <class Io>
ConnectionId Worker<Io>::take_connection(std::uint16_t target, base::Instant now) {
    std::vector<ConnectionId>& idle = idle_[target];
    if (!idle.empty() && now - at(idle.back()).idle_since < plan_.idle_timeout) {
        const ConnectionId id = idle.back();
        idle.pop_back();
        return id;
    }
    while (!idle.empty()) {
        drop_idle(idle.back());  // the youngest is too old, so all are
    }
    if (free_.empty()) {
        connections_.push_back(std::make_unique<Connection>());
        free_.push_back(static_cast<ConnectionId>(connections_.size() - 1));
    }
    const ConnectionId id = free_.back();
    free_.pop_back();
    at(id).target = target;
    at(id).served = false;
    return id;
}

template <class Io>
void Worker<Io>::connect(ConnectionId id) {
    Connection& connection = at(id);
    const Target& target = plan_.targets[connection.target];
    const base::Instant now = base::now();
    connection.record->connect_start_ns = now.time_since_epoch().count();
    connection.state = Connection::State::connecting;
    connection.fd = ::socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection.fd < 0) {
        return connection_broke(id, errno);
    }
    const auto set = [fd = connection.fd](int level, int option, int value) {
        ::setsockopt(fd, level, option, &value, sizeof(value));  // all are refinements: a refusal changes no result
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, plan_.socket.keepalive_idle_s);
    set(IPPROTO_TCP, TCP_KEEPINTVL, plan_.socket.keepalive_interval_s);
    set(IPPROTO_TCP, TCP_KEEPCNT, plan_.socket.keepalive_count);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, plan_.socket.user_timeout_ms);
    for (const auto& [option, bytes] : {std::pair(SO_RCVBUF, plan_.socket.receive_buffer_bytes),
                                        std::pair(SO_SNDBUF, plan_.socket.send_buffer_bytes)}) {
        if (bytes > 0) {
            set(SOL_SOCKET, option, bytes);
        }
    }
    const auto* address = reinterpret_cast<const sockaddr*>(&target.address);  // NOLINT: the sockets API
    const int result = ::connect(connection.fd, address, target.address_length);
    const int number = errno;
    if (result != 0 && number != EINPROGRESS) {
        return connection_broke(id, number);
    }
    if (!io_.watch(connection.fd, std::uint64_t{connection.generation} << 32U | id)) {
        return connection_broke(id, errno);
    }
    if (result == 0) {
        return connect_finished(id);
    }
    attempts_.push_back({id, connection.generation, now});
}

template <class Io>
void Worker<Io>::connect_finished(ConnectionId id) {
    Connection& connection = at(id);
    int number = 0;
    socklen_t size = sizeof(number);
    ::getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &number, &size);
    if (number != 0) {
        return connection_broke(id, number);
    }
    connection.record->connect_end_ns = base::now_ns();
    connection.state = Connection::State::busy;
    send(id);
}

template <class Io>
void Worker<Io>::send(ConnectionId id) {
    Connection& connection = at(id);
    record::Record& record = *connection.record;
    if (connection.sent == 0) {
        record::Journal::Writer::mark_sent(record);
        record.send_start_ns = base::now_ns();
    }
    while (!connection.all_sent()) {
        std::array<iovec, 2> pieces{};
        std::size_t count = 0;
        const std::size_t head_left = connection.head.size() - std::min(connection.sent, connection.head.size());
        if (head_left > 0) {
            pieces[count++] = {connection.head.data() + connection.sent, head_left};
        }
        const std::size_t body_sent = connection.sent + head_left - connection.head.size();
        pieces[count++] = {const_cast<char*>(connection.body.data()) + body_sent,
                           connection.body.size() - body_sent};  // NOLINT
        const ssize_t written = Io::send(connection.fd, pieces.data(), count);
        if (written < 0) {
            if (errno == EAGAIN) {
                return;  // goes on when the socket is writable
            }
            if (errno != EINTR) {
                return connection_broke(id, errno);
            }
        } else {
            connection.sent += static_cast<std::size_t>(written);
        }
    }
    record.send_end_ns = base::now_ns();
}

// ---- answers --------------------------------------------------------------------------------------------------------

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
    const bool reusable = connection.answer.connection_reusable() && used == size && connection.all_sent();
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

// ---- the slab -------------------------------------------------------------------------------------------------------

template <class Io>
void Worker<Io>::close(ConnectionId id) noexcept {
    Connection& connection = at(id);
    if (connection.fd >= 0) {
        ::close(connection.fd);
        connection.fd = -1;
    }
    ++connection.generation;
    connection.state = Connection::State::closed;
    free_.push_back(id);
}

template <class Io>
void Worker<Io>::drop_idle(ConnectionId id) noexcept {
    std::erase(idle_[at(id).target], id);
    close(id);
}

template <class Io>
void Worker<Io>::link(ConnectionId id) noexcept {
    Connection& connection = at(id);
    connection.older = youngest_;
    connection.younger = k_no_connection;
    (youngest_ == k_no_connection ? oldest_ : at(youngest_).younger) = id;
    youngest_ = id;
}

template <class Io>
void Worker<Io>::unlink(ConnectionId id) noexcept {
    const Connection& connection = at(id);
    (connection.older == k_no_connection ? oldest_ : at(connection.older).younger) = connection.younger;
    (connection.younger == k_no_connection ? youngest_ : at(connection.younger).older) = connection.older;
}

}  // namespace aiperf::load
