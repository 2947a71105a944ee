#pragma once

#include "aiperf/base/clock.hpp"

#include <optional>
#include <poll.h>
#include <span>

namespace aiperf::process {

/// poll() with an absolute deadline on CLOCK_MONOTONIC (absent: none). True if something is ready. A signal handler
/// that ran in between is no reason to return.
bool poll_until(std::span<pollfd> descriptors, std::optional<base::Instant> deadline);

/// The same for one descriptor.
bool poll_until(int fd, short events, base::Instant deadline);

}  // namespace aiperf::process
