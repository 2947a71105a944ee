#include "aiperf/process/bell.hpp"

#include "aiperf/base/error.hpp"
#include "poll.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/eventfd.h>

namespace aiperf::process {

Bell::Bell()
    : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!descriptor_) {
        throw base::SystemError("cannot make an event", errno);
    }
}

void Bell::ring() const noexcept {
    // Fails only where the count is full, and then it has been rung.
    [[maybe_unused]] const int ignored = ::eventfd_write(descriptor_.get(), 1);
}

bool Bell::take() const noexcept {
    eventfd_t count = 0;
    return ::eventfd_read(descriptor_.get(), &count) == 0;
}

bool Bell::wait_until(base::Instant deadline) const {
    poll_until(descriptor_.get(), POLLIN, deadline);
    return take();
}

}  // namespace aiperf::process
