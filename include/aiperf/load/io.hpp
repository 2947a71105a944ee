#pragma once

#include "aiperf/base/clock.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <sys/epoll.h>
#include <sys/types.h>
#include <sys/uio.h>

namespace aiperf::load {

/// What a descriptor is ready for.
struct Ready {
    std::uint64_t token = 0;  ///< what was given when it was watched
    bool readable = false;    ///< there are bytes, or the end
    bool writable = false;    ///< there is room
    bool hangup = false;      ///< the peer closed its side, or the socket has failed
};

/// The seam between a worker and the kernel: wait, read, write, one timer, one wake-up. This one is an edge-triggered
/// epoll set with a timerfd and an eventfd in it (docs/architecture.md says why); another one needs these calls and
/// nothing else.
///
/// *Thread safety*: wake() from any thread; the rest belongs to the worker's thread.
class EpollIo {
public:
    static constexpr std::uint64_t k_timer_token = ~std::uint64_t{0};  ///< of the timer
    static constexpr std::uint64_t k_wake_token = ~std::uint64_t{1};   ///< of the wake-up

    /// Throws base::SystemError.
    EpollIo();
    ~EpollIo();
    EpollIo(const EpollIo&) = delete;
    EpollIo& operator=(const EpollIo&) = delete;

    /// What the thread that waits needs of the system.
    static void prepare_thread() noexcept;

    /// Watches a non-blocking socket for everything, edge-triggered, until it is closed. False = refused (errno).
    bool watch(int fd, std::uint64_t token) noexcept;

    /// What has become ready; waits for something where `block`. Timer and wake-up come as their tokens, already
    /// acknowledged.
    std::span<const Ready> wait(bool block) noexcept;

    /// recvmsg(2) and sendmsg(2): bytes moved, or -1 and errno. `arrived_wall_ns` becomes the kernel's stamp of the
    /// newest byte read (CLOCK_REALTIME), 0 where there is none.
    static ssize_t receive(int fd, char* buffer, std::size_t size, std::int64_t& arrived_wall_ns) noexcept;
    /// As receive(), for writing.
    static ssize_t send(int fd, iovec* pieces, std::size_t count) noexcept;

    /// Arms the one timer for an absolute instant; Instant::max() disarms.
    void arm(base::Instant when) noexcept;

    /// Makes a wait() return.
    void wake() noexcept;

private:
    static constexpr std::size_t k_batch = 256;

    int epoll_ = -1;
    int timer_ = -1;
    int wake_ = -1;
    base::Instant armed_ = base::Instant::max();
    std::array<epoll_event, k_batch> events_{};
    std::array<Ready, k_batch> ready_{};
};

}  // namespace aiperf::load
