#pragma once

// Bodies of Worker: claiming, connecting, sending, and the slab of connections; included by worker.hpp only.

#include "aiperf/load/worker.hpp"
#include "aiperf/record/session.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace aiperf::load {

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
        connection.head, plan_.ids, connection.slot, record::session_number(record), entry.body.size());
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
