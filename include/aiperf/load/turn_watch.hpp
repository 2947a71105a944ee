#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/load/shared_state.hpp"

#include <algorithm>
#include <cstdint>

namespace aiperf::load {

/// Processor time of a thread as the system counts it.
struct ThreadTime {
    std::int64_t ran_ns = 0;     ///< on a processor
    std::int64_t waited_ns = 0;  ///< ready to run, without a processor; 0 where the system does not say

    /// Of the calling thread, up to now.
    [[nodiscard]] static ThreadTime now() noexcept;
};

/// What a worker's loop tells about itself over a phase: how long its turns take, and how late it wakes.
///
/// *Thread safety*: none; the worker's thread.
class TurnWatch {
public:
    /// A turn longer than this is a stall for what it reads; a shorter one is work.
    static constexpr base::Nanoseconds k_long_turn = std::chrono::milliseconds(5);

    /// A phase begins.
    void begin(base::Instant now) noexcept {
        began_ = now;
        woke_ = now;
        over_ = now;
        late_ = {};
        stall_ = {};
        at_begin_ = ThreadTime::now();
    }

    /// A wait has returned. `wake`: when it had to at the latest; max = it did not wait.
    void woke(base::Instant now, base::Instant wake) noexcept {
        const base::Nanoseconds late =
            wake == base::Instant::max() ? if_long(now - over_) : std::max(base::Nanoseconds{}, now - wake);
        late_ = late + if_long(over_ - woke_);
        stall_ = std::max(stall_, late);
        woke_ = now;
    }

    /// How late what is read at `now` may be: for so long nobody looked, whatever arrived. It counts a wait that ended
    /// late, and stops within this turn and the one before.
    [[nodiscard]] base::Nanoseconds late(base::Instant now) const noexcept { return late_ + if_long(now - woke_); }

    /// What the wait brought has been dealt with.
    void over(base::Instant now) noexcept {
        stall_ = std::max(stall_, now - woke_);
        over_ = now;
    }

    /// The phase is over.
    void end(base::Instant now) noexcept {
        wall_ = now - began_;
        at_end_ = ThreadTime::now();
    }

    /// Puts the figures where others read them.
    void publish(WorkerCounters& counters) const noexcept;

private:
    static constexpr base::Nanoseconds if_long(base::Nanoseconds time) noexcept {
        return time > k_long_turn ? time : base::Nanoseconds{};
    }

    base::Instant began_{};
    base::Instant woke_{};
    base::Instant over_{};
    base::Nanoseconds late_{};
    base::Nanoseconds stall_{};
    base::Nanoseconds wall_{};
    ThreadTime at_begin_;
    ThreadTime at_end_;
};

}  // namespace aiperf::load
