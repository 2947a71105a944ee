#pragma once

// Bodies of Worker: the loop, stops and deadlines; included by worker.hpp only.

#include "aiperf/load/error_text.hpp"
#include "aiperf/load/worker.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace aiperf::load {

template <class Io>
Worker<Io>::Worker(std::uint32_t number,
                   const LoadPlan& plan,
                   SharedState& shared,
                   record::Journal::Writer& writer,
                   std::function<void()> on_news)
    : number_(number),
      plan_(plan),
      has_sessions_(plan.dataset->multi_turn()),
      shared_(shared),
      counters_(shared.counters(number)),
      writer_(writer),
      on_news_(std::move(on_news)),
      reader_(plan.endpoint->reader()),
      buffer_(k_read_bytes + http::SseParser::k_padding),
      pools_(pools_of(plan.targets)),
      idle_(plan.targets.size()),
      shared_connections_(plan.targets.size()),
      next_address_(plan.targets.size(), number) {
    if (plan.socket.receive_stamps) {
        const int on = 1;
        stamping_ = process::Descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ::setsockopt(stamping_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
    }
    if (std::any_of(plan.targets.begin(), plan.targets.end(), [](const Target& target) { return target.tls; })) {
        tls_ = std::make_unique<TlsContext>(plan.tls);
        plain_.resize(k_read_bytes + http::SseParser::k_padding);
    }
}

template <class Io>
Worker<Io>::~Worker() {
    for (const auto& connection : connections_.all()) {
        if (connection->fd >= 0) {
            ::close(connection->fd);
        }
    }
}

template <class Io>
void Worker<Io>::run() {
    Io::prepare_thread();
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
            counters_.phase_done.store(phase, std::memory_order_release);
            on_news_();
            continue;
        }
        get_ready();
        const base::Instant now = base::now();
        show_life(now);
        io_.arm(now + k_longest_turn);
        for (const Ready& ready : io_.wait(true)) {
            handle(ready);  // a pooled connection may be closed by its server meanwhile
        }
    }
}

/// Opens connections for the phase that is announced, and says so when they are there, or cannot be.
template <class Io>
void Worker<Io>::get_ready() {
    const std::uint32_t next = shared_.next_phase.load(std::memory_order_acquire);
    if (next == counters_.ready_for.load(std::memory_order_relaxed)) {
        return;
    }
    if (std::exchange(ready_for_, next) != next) {
        plan_ahead(plan_.phases[next - 1]);
    }
    open_ahead();
    if (to_open_.empty() && attempts_.empty()) {
        counters_.ready_for.store(next, std::memory_order_release);
        on_news_();
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
    all_begun_ = false;
    pending_ = nullptr;
    full_ = false;
    full_until_ = {};
    to_open_.clear();
    counters_.reset();
    turns_.begin(base::now());
}

template <class Io>
void Worker<Io>::work_phase() {
    while (!is_through()) {
        obey_stop();
        if (!waiting_.empty() && all_claimed()) {
            end_waiting();
        }
        const bool more = fill(k_sends_per_turn) || is_send_near();
        if (is_through()) {
            break;
        }
        const base::Instant wake = next_wake();
        if (!more) {
            io_.arm(wake);
        }
        const auto ready_ones = io_.wait(!more);
        const base::Instant woken = base::now();
        turns_.woke(woken, more ? base::Instant::max() : wake);
        if (!more && woken >= wake) {
            wake_lead_.woke(woken - wake);
        }
        for (const Ready& ready : ready_ones) {
            handle(ready);
            if (!exhausted_) {
                fill(1);  // the slot just freed, or what has come due, does not wait for the other answers of this turn
            }
        }
        const base::Instant now = base::now();
        show_life(now);
        watch_clocks(now);
        expire(now);
        dispatch_again();
    }
    turns_.end(base::now());
    turns_.publish(counters_);
}

/// Keeps what the wall clock is ahead by, for the kernel's stamps, and how long turns take.
template <class Io>
void Worker<Io>::watch_clocks(base::Instant now) noexcept {
    constexpr base::Nanoseconds k_fresh = std::chrono::milliseconds(10);
    turns_.over(now);
    if (now - offset_taken_ >= k_fresh) {
        offset_taken_ = now;
        const base::WallAnchor anchor = base::WallAnchor::take();
        wall_offset_ns_ = anchor.wall_ns - anchor.monotonic_ns;
    }
}

template <class Io>
void Worker<Io>::show_life(base::Instant now) noexcept {
    counters_.seen_ns.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

template <class Io>
void Worker<Io>::handle(const Ready& ready) {
    if (ready.token == Io::k_timer_token || ready.token == Io::k_wake_token) {
        return;  // the loop looks at clock and state after each turn
    }
    const auto id = static_cast<ConnectionId>(static_cast<std::uint32_t>(ready.token));
    const auto generation = static_cast<std::uint32_t>(ready.token >> 32U);
    Connection& connection = connections_[id];
    if (connection.generation != generation) {
        return;  // of a connection closed in this very turn
    }
    if (connection.state == Connection::State::connecting) {
        connect_finished(id);
        // A server that speaks first, or has hung up already, is not announced a second time.
    } else if (ready.writable && connection.sending) {
        send(id);
    }
    if ((ready.readable || ready.hangup) && connection.generation == generation &&
        connection.state != Connection::State::connecting) {
        read(id, ready.hangup);
    }
    dispatch_again();
}

template <class Io>
void Worker<Io>::obey_stop() {
    const auto stop = static_cast<Stop>(shared_.stop.load(std::memory_order_relaxed));
    if (stop == Stop::none) {
        return;
    }
    exhaust();
    if (stop == Stop::in_flight) {
        cancel_in_flight(base::now());
    }
}

template <class Io>
void Worker<Io>::cancel_in_flight(base::Instant now) {
    while (oldest_ != ExchangeId::none) {
        const ExchangeId id = oldest_;
        record::Record& record = *exchanges_[id].record;
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
        exhaust();
        cancel_in_flight(now);
        return;
    }
    if (plan_.request_timeout.count() > 0) {
        while (oldest_ != ExchangeId::none && now >= exchanges_[oldest_].claimed + plan_.request_timeout) {
            fail(oldest_, record::ErrorKind::timeout, "TimeoutError()", now);
        }
    }
    forget_settled_attempts();
    while (!attempts_.empty() && now >= attempts_.front().began + plan_.connect_timeout) {
        const ConnectionId id = attempts_.front().id;
        if (!try_next_address(id)) {
            const std::string& name = target_of(connections_[id]).name;
            fail_connection(id, record::ErrorKind::connect, "ClientConnectorError(" + name + ", connect timeout)");
        }
        forget_settled_attempts();
    }
}

/// No room for records: nothing more is sent, by anybody. A stronger stop stays.
template <class Io>
void Worker<Io>::stop_for_full_journal() noexcept {
    std::int32_t no_error = 0;
    shared_.journal_error.compare_exchange_strong(no_error, writer_.error());
    auto none = static_cast<std::uint32_t>(Stop::none);
    shared_.stop.compare_exchange_strong(none, static_cast<std::uint32_t>(Stop::sending));
}

/// Too large a share of all requests of the phase has failed: nothing more is sent, by anybody. A stronger stop stays.
template <class Io>
void Worker<Io>::stop_for_failures() {
    constexpr std::uint64_t k_fewest_requests = 10;
    std::uint64_t completed = 0;
    std::uint64_t errors = 0;
    for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
        const WorkerCounters& counters = shared_.counters(worker);
        completed += counters.completed.load(std::memory_order_relaxed);
        errors += counters.errors.load(std::memory_order_relaxed);
    }
    const std::uint64_t least = std::max<std::uint64_t>(phase_->concurrency.value_or(0), k_fewest_requests);
    if (completed < least ||
        static_cast<double>(errors) <= *plan_.failed_request_threshold * static_cast<double>(completed)) {
        return;
    }
    auto none = static_cast<std::uint32_t>(Stop::none);
    if (shared_.stop.compare_exchange_strong(none, static_cast<std::uint32_t>(Stop::sending))) {
        shared_.too_many_failures.store(1);
        on_news_();
    }
}

/// Drops connection attempts from the front of the list that have succeeded or failed.
template <class Io>
void Worker<Io>::forget_settled_attempts() noexcept {
    const auto settled = [this](const Attempt& attempt) {
        const Connection& connection = connections_[attempt.id];
        return connection.generation != attempt.generation ||
               (connection.state != Connection::State::connecting && connection.state != Connection::State::greeting);
    };
    while (!attempts_.empty() && settled(attempts_.front())) {
        attempts_.pop_front();
    }
}

/// A planned send is so near that the loop looks on without sleeping.
template <class Io>
bool Worker<Io>::is_send_near() const noexcept {
    return pending_ != nullptr && pending_due_ - base::now() <= lead();
}

/// How long before a planned send the loop is to be awake.
template <class Io>
base::Nanoseconds Worker<Io>::lead() const noexcept {
    return plan_.spin + wake_lead_.lead();
}

template <class Io>
base::Instant Worker<Io>::next_wake() const noexcept {
    // On a grid, so that the timer is set anew a few times a second and not in every turn.
    const base::Nanoseconds step = in_flight_ > 0 ? k_heartbeat : k_longest_turn / 2;
    const base::Nanoseconds seen(counters_.seen_ns.load(std::memory_order_relaxed));
    base::Instant wake = std::min(grace_end_, base::Instant((seen / step + 2) * step));
    if (pending_ != nullptr) {
        wake = std::min<base::Instant>(wake, pending_due_ - lead());
    }
    if (!waiting_.empty()) {
        wake = std::min(wake, waiting_.top().due);
    }
    if (oldest_ != ExchangeId::none && plan_.request_timeout.count() > 0) {
        wake = std::min(wake, exchanges_[oldest_].claimed + plan_.request_timeout);
    }
    if (!attempts_.empty()) {
        wake = std::min(wake, attempts_.front().began + plan_.connect_timeout);
    }
    return wake;
}

}  // namespace aiperf::load
