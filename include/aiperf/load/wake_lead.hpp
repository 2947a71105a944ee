#pragma once

#include "aiperf/base/clock.hpp"

#include <algorithm>

namespace aiperf::load {

/// By how much a thread has to be woken before an instant in order to be awake at it: a timer's interrupt, and on a
/// virtual machine the way back from halting, take some 10 to 40 us. Learnt from how late it woke so far: it settles at
/// the third quartile of that, so that of four waits one is late by the rest and three end in a short spin.
///
/// *Thread safety*: none; the worker's thread.
class WakeLead {
public:
    /// More is a machine with other work: spinning would not help.
    static constexpr base::Nanoseconds k_most = std::chrono::microseconds(50);

    /// The thread woke `late` after the instant its timer was set for.
    void woke(base::Nanoseconds late) noexcept {
        constexpr base::Nanoseconds k_step{250};
        lead_ = std::clamp(late > lead_ ? lead_ + 3 * k_step : lead_ - k_step, base::Nanoseconds{}, k_most);
    }

    /// By how much earlier than needed the timer is to be set.
    [[nodiscard]] base::Nanoseconds lead() const noexcept { return lead_; }

private:
    base::Nanoseconds lead_{};
};

}  // namespace aiperf::load
