#include "aiperf/load/turn_watch.hpp"

#include <array>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

namespace aiperf::load {

ThreadTime ThreadTime::now() noexcept {
    ThreadTime time;
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    time.ran_ns = std::int64_t{used.tv_sec} * 1'000'000'000 + used.tv_nsec;
    const int fd = ::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return time;
    }
    std::array<char, 96> text{};
    if (::read(fd, text.data(), text.size() - 1) > 0) {
        std::int64_t ran = 0;
        std::int64_t waited = 0;
        if (std::sscanf(text.data(), "%" SCNd64 " %" SCNd64, &ran, &waited) == 2) {  // NOLINT: two numbers, checked
            time.waited_ns = waited;
        }
    }
    ::close(fd);
    return time;
}

void TurnWatch::publish(WorkerCounters& counters) const noexcept {
    counters.wall_ns.store(static_cast<std::uint64_t>(wall_.count()), std::memory_order_relaxed);
    counters.ran_ns.store(static_cast<std::uint64_t>(at_end_.ran_ns - at_begin_.ran_ns), std::memory_order_relaxed);
    counters.waited_ns.store(static_cast<std::uint64_t>(at_end_.waited_ns - at_begin_.waited_ns),
                             std::memory_order_relaxed);
    counters.stall_ns.store(static_cast<std::uint64_t>(stall_.count()), std::memory_order_relaxed);
}

}  // namespace aiperf::load
