#include "aiperf/mock/worker.hpp"

#include "aiperf/base/clock.hpp"
#include "aiperf/base/error.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace aiperf::mock {

namespace {

constexpr std::uint64_t k_listener_tag = ~std::uint64_t{0};
constexpr std::uint64_t k_timer_tag = k_listener_tag - 1;
constexpr std::uint64_t k_wake_tag = k_listener_tag - 2;
constexpr int k_max_accepts_per_turn = 256;
constexpr std::int64_t k_linger_ns = 2'000'000'000;

FileDescriptor checked(int fd, const char* what) {
    if (fd < 0) {
        throw base::SystemError(what, errno);
    }
    return FileDescriptor(fd);
}

std::uint64_t tag_of(const Connection& connection) {
    return (std::uint64_t{connection.generation} << 32U) | connection.slot;
}

}  // namespace

Worker::Worker(WorkerContext context, FileDescriptor listener, std::unique_ptr<Responder> responder)
    : context_(context),
      listener_(std::move(listener)),
      responder_(std::move(responder)),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "cannot create an epoll set")),
      timer_(checked(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "cannot create a timer")),
      wake_(checked(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "cannot create an event")),
      spare_(checked(::open("/dev/null", O_RDONLY | O_CLOEXEC), "cannot open /dev/null")) {
    watch(listener_.get(), EPOLLIN, k_listener_tag);
    watch(timer_.get(), EPOLLIN | EPOLLET, k_timer_tag);
    watch(wake_.get(), EPOLLIN, k_wake_tag);
}

void Worker::watch(int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        throw base::SystemError("cannot watch a descriptor", errno);
    }
}

void Worker::stop() noexcept {
    stopping_.store(true, std::memory_order_release);
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the worker is awake anyhow.
    static_cast<void>(::write(wake_.get(), &one, sizeof one) == sizeof one);
}

void Worker::run() {
    std::array<epoll_event, 256> events{};
    while (!stopping_.load(std::memory_order_acquire)) {
        arm_timer();
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        if (count < 0 && errno != EINTR) {
            throw base::SystemError("epoll_wait failed", errno);
        }
        for (int i = 0; i < count; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            handle(event.data.u64, event.events);
        }
        fire_timers();
    }
    listener_.reset();
    for (const auto& connection : connections_) {
        if (connection->socket.is_open()) {
            close(*connection);
        }
    }
}

void Worker::arm_timer() {
    const std::int64_t due = timers_.earliest();
    if (due == armed_ns_ || due == TimerHeap::k_never) {
        return;
    }
    itimerspec when{};
    when.it_value.tv_sec = due / 1'000'000'000;
    when.it_value.tv_nsec = due % 1'000'000'000;
    if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) != 0) {
        throw base::SystemError("cannot set a timer", errno);
    }
    armed_ns_ = due;
}

void Worker::handle(std::uint64_t tag, std::uint32_t events) {
    switch (tag) {
        case k_listener_tag: accept_all(); return;
        case k_timer_tag: armed_ns_ = TimerHeap::k_never; return;
        case k_wake_tag: return;
        default: break;
    }
    Connection& connection = *connections_[tag & 0xffffffffU];
    if (tag_of(connection) == tag && connection.socket.is_open()) {
        handle_connection(connection, events);
    }
}

void Worker::handle_connection(Connection& connection, std::uint32_t events) {
    const bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (ended || (events & EPOLLIN) != 0) {
        on_readable(connection, ended);
    }
    if ((events & EPOLLOUT) != 0 && connection.write_blocked && connection.socket.is_open()) {
        connection.write_blocked = false;
        play(connection, base::now_ns());
        resume(connection);
    }
}

void Worker::fire_timers() {
    if (timers_.earliest() == TimerHeap::k_never) {
        return;
    }
    const std::int64_t now_ns = base::now_ns();
    while (timers_.earliest() <= now_ns) {
        Connection& connection = *connections_[timers_.earliest_slot()];
        timers_.cancel(connection.slot);
        on_timer(connection);
    }
}

void Worker::on_timer(Connection& connection) {
    if (connection.exchange.active) {
        play(connection, base::now_ns());
        resume(connection);
    } else {
        close(connection);  // idle or lingering for too long
    }
}

void Worker::accept_all() {
    for (int i = 0; i < k_max_accepts_per_turn; ++i) {
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            open(fd);
        } else if (errno == EMFILE || errno == ENFILE) {
            refuse_one();
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;  // nobody is waiting, or a network error of a connection that is gone
        }
    }
}

void Worker::refuse_one() {
    spare_.reset();
    const FileDescriptor refused(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (refused.is_open()) {
        counters_.connections_refused.add();
    }
    spare_ = FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void Worker::open(int fd) {
    FileDescriptor socket(fd);
    if (free_slots_.empty()) {
        const ParserLimits limits{context_.options.max_head_bytes,
                                  context_.options.max_body_bytes,
                                  context_.log != nullptr || responder_->wants_headers()};
        free_slots_.push_back(static_cast<std::uint32_t>(connections_.size()));
        connections_.push_back(std::make_unique<Connection>(limits));
        connections_.back()->slot = free_slots_.back();
    }
    Connection& connection = *connections_[free_slots_.back()];
    watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, tag_of(connection));
    free_slots_.pop_back();
    connection.socket = std::move(socket);
    connection.number = context_.next_connection.fetch_add(1, std::memory_order_relaxed) + 1;
    counters_.connections.add();
    if (context_.options.idle_timeout.count() > 0) {
        timers_.set(connection.slot, base::now_ns() + context_.options.idle_timeout.count());
    }
}

void Worker::close(Connection& connection) {
    timers_.cancel(connection.slot);
    connection.socket.reset();  // leaves the epoll set with it: there is no other copy
    connection.generation++;
    connection.input.clear();
    connection.parser.reset();
    connection.exchange = Exchange{};
    connection.first_byte_ns = 0;
    connection.write_blocked = connection.input_paused = connection.lingering = false;
    free_slots_.push_back(connection.slot);
}

void Worker::linger(Connection& connection) {
    ::shutdown(connection.socket.get(), SHUT_WR);
    connection.lingering = true;
    connection.input.clear();
    timers_.set(connection.slot, base::now_ns() + k_linger_ns);
    drop_input(connection);
}

}  // namespace aiperf::mock
