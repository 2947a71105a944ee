#pragma once

#include "aiperf/base/clock.hpp"

#include <asio/io_context.hpp>

#include <chrono>
#include <functional>

namespace aiperf::control {

/// Runs what was started on `io` until it is over, `deadline` has passed, or `cancelled`; false = not over. What is not
/// over must be closed by the caller, and `io` run again, before what it works with goes.
inline bool run_until(asio::io_context& io, base::Instant deadline, const std::function<bool()>& cancelled) {
    constexpr auto k_poll = std::chrono::milliseconds(50);  // between two looks at `cancelled`
    io.restart();
    while (!cancelled() && base::now() < deadline) {
        io.run_for(k_poll);
        if (io.stopped()) {
            return true;
        }
    }
    return false;
}

}  // namespace aiperf::control
