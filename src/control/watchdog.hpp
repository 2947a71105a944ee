#pragma once

#include "aiperf/base/clock.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace aiperf::control {

/// How long after its deadline a step counts as stuck.
inline constexpr base::Nanoseconds k_watchdog_slack = std::chrono::seconds(10);

/// How often the watchdog looks.
inline constexpr base::Nanoseconds k_watchdog_tick = std::chrono::milliseconds(500);

/// Between two looks: more than this, and the process, or the machine, was stopped meanwhile.
inline constexpr base::Nanoseconds k_watchdog_gap = std::chrono::seconds(2);

/// True where a step must have ended and has not. A step without a deadline is never stuck.
[[nodiscard]] bool is_stuck(base::Instant now,
                            std::optional<base::Instant> deadline,
                            base::Nanoseconds slack = k_watchdog_slack) noexcept;

/// The step a run is in, as the watchdog sees it: no thread, no clock of its own.
///
/// A deadline is on the monotonic clock, which goes on while a process is stopped (Ctrl-Z); the step does not. So a
/// long gap between two looks moves the deadline by its length.
///
/// *Thread safety*: none.
class WatchedStep {
public:
    void enter(std::string step, std::optional<base::Instant> deadline, base::Instant now);
    void leave() noexcept;

    /// Call often. A sentence for a person where the step is stuck, once per step; else absent.
    [[nodiscard]] std::optional<std::string> look(base::Instant now);

    /// "exporting for 3.2 s, at most 21.8 s more"; "no step" between two.
    [[nodiscard]] std::string where(base::Instant now) const;

private:
    std::optional<std::string> step_;
    std::optional<base::Instant> deadline_;
    base::Instant since_{};
    base::Instant seen_{};  // the last look
    bool told_ = false;
};

/// Tells when a step of a run is 10 s behind its deadline: no wait may be without an end. What follows is the
/// listener's to decide; a program ends.
///
/// *Thread safety*: all calls from any thread.
class Watchdog {
public:
    using OnStuck = std::function<void(const std::string& sentence)>;
    using Clock = std::function<base::Instant()>;

    /// `on_stuck` (empty: nobody is told) is called on the watchdog's thread, once per step, without a lock held; it
    /// must not throw, and must not destroy the watchdog.
    explicit Watchdog(OnStuck on_stuck, Clock clock = base::now, base::Nanoseconds tick = k_watchdog_tick);
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;

    /// A step begins, and with it the one before has ended. Absent deadline: the step has none of its own, such as a
    /// phase that is bound by a number of requests.
    void enter(std::string step, std::optional<base::Instant> deadline);

    /// The step has ended; none follows at once.
    void leave();

    /// One line: the step, for how long, its deadline.
    [[nodiscard]] std::string where(base::Instant now) const;

private:
    void run() noexcept;

    const OnStuck on_stuck_;
    const Clock clock_;
    const base::Nanoseconds tick_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    WatchedStep step_;  // guarded by mutex_, as is stopping_
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace aiperf::control
