#include "poll.hpp"

#include "aiperf/base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace aiperf::process {
namespace {

timespec time_left(base::Instant deadline) {
    const auto left = std::max(base::Nanoseconds{0}, deadline - base::now());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    return {.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
}

}  // namespace

bool poll_until(std::span<pollfd> descriptors, std::optional<base::Instant> deadline) {
    for (;;) {
        timespec left{};
        if (deadline) {
            left = time_left(*deadline);
        }
        const int ready = ::ppoll(descriptors.data(), descriptors.size(), deadline ? &left : nullptr, nullptr);
        if (ready >= 0) {
            return ready > 0;
        }
        if (errno != EINTR) {
            throw base::SystemError("cannot wait for child processes", errno);
        }
    }
}

bool poll_until(int fd, short events, base::Instant deadline) {
    pollfd one{.fd = fd, .events = events, .revents = 0};
    return poll_until({&one, 1}, deadline);
}

}  // namespace aiperf::process
