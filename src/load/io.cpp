#include "aiperf/load/io.hpp"

#include "aiperf/base/error.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace aiperf::load {

EpollIo::EpollIo() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    // Edge-triggered, as it is never read: setting it anew takes its expiry back.
    epoll_event timer{.events = EPOLLIN | EPOLLET, .data = {.u64 = k_timer_token}};
    epoll_event wake{.events = EPOLLIN, .data = {.u64 = k_wake_token}};
    if (epoll_ < 0 || timer_ < 0 || wake_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &timer) != 0 ||
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &wake) != 0) {
        const int number = errno;
        for (const int fd : {epoll_, timer_, wake_}) {
            if (fd >= 0) {
                ::close(fd);
            }
        }
        throw base::SystemError("cannot make a worker's event loop", number);
    }
}

EpollIo::~EpollIo() {
    ::close(wake_);
    ::close(timer_);
    ::close(epoll_);
}

void EpollIo::prepare_thread() noexcept {
    // A timerfd has no slack on the kernels we know; whatever else the thread waits with has 50 us of it.
    ::prctl(PR_SET_TIMERSLACK, 1UL);
}

bool EpollIo::watch(int fd, std::uint64_t token) noexcept {
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = token}};
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

std::span<const Ready> EpollIo::wait(bool block) noexcept {
    int count = -1;
    do {  // a process that was stopped and goes on is interrupted
        count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), block ? -1 : 0);
    } while (count < 0 && errno == EINTR);
    std::size_t used = 0;
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events_[static_cast<std::size_t>(i)];
        if (event.data.u64 == k_timer_token) {
            armed_ = base::Instant::max();
        } else if (event.data.u64 == k_wake_token) {
            std::uint64_t ignored = 0;
            [[maybe_unused]] const ssize_t size = ::read(wake_, &ignored, sizeof(ignored));
        }
        ready_[used++] = {.token = event.data.u64,
                          .readable = (event.events & EPOLLIN) != 0,
                          .writable = (event.events & EPOLLOUT) != 0,
                          .hangup = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0};
    }
    return {ready_.data(), used};
}

ssize_t EpollIo::receive(int fd, char* buffer, std::size_t size, std::int64_t& arrived_wall_ns) noexcept {
    arrived_wall_ns = 0;
    iovec piece{buffer, size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(timespec))> control;  // NOLINT: the kernel fills it
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd, &message, 0);
    if (got <= 0) {
        return got;
    }
    const cmsghdr* const part = CMSG_FIRSTHDR(&message);  // there is room for one
    if (part != nullptr && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
        timespec stamp{};
        std::memcpy(&stamp, CMSG_DATA(part), sizeof(stamp));
        arrived_wall_ns = std::int64_t{stamp.tv_sec} * 1'000'000'000 + stamp.tv_nsec;
    }
    return got;
}

ssize_t EpollIo::send(int fd, iovec* pieces, std::size_t count) noexcept {
    // The kernel takes one piece at less cost than two, by more than it costs to join short ones.
    constexpr std::size_t k_joined = 2048;
    if (count == 1) {
        return ::send(fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL);
    }
    if (count == 2 && pieces[0].iov_len + pieces[1].iov_len <= k_joined) {
        std::array<char, k_joined> joined;  // NOLINT: filled as far as it is sent
        std::memcpy(joined.data(), pieces[0].iov_base, pieces[0].iov_len);
        std::memcpy(joined.data() + pieces[0].iov_len, pieces[1].iov_base, pieces[1].iov_len);
        return ::send(fd, joined.data(), pieces[0].iov_len + pieces[1].iov_len, MSG_NOSIGNAL);
    }
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = count;
    return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

void EpollIo::arm(base::Instant when) noexcept {
    if (when == armed_) {
        return;
    }
    armed_ = when;
    itimerspec spec{};
    if (when != base::Instant::max()) {
        const std::int64_t ns = std::max<std::int64_t>(when.time_since_epoch().count(), 1);
        spec.it_value.tv_sec = ns / 1'000'000'000;
        spec.it_value.tv_nsec = ns % 1'000'000'000;
    }
    ::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &spec, nullptr);
}

void EpollIo::wake() noexcept {
    const std::uint64_t one = 1;
    // Fails only where the counter is full, and then the worker is being woken already.
    [[maybe_unused]] const ssize_t ignored = ::write(wake_, &one, sizeof(one));
}

}  // namespace aiperf::load
