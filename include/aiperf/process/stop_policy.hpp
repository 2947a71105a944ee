#pragma once

#include "aiperf/base/clock.hpp"

#include <cstdint>
#include <optional>

namespace aiperf::process {

/// How long each step of stopping a process may take. Together with the moment of the command they give three absolute
/// instants; nobody counts from anything else.
struct StopPolicy {
    base::Nanoseconds leave = std::chrono::seconds(2);      ///< asked, until SIGTERM
    base::Nanoseconds terminate = std::chrono::seconds(2);  ///< SIGTERM, until SIGKILL
    base::Nanoseconds reap = std::chrono::seconds(1);       ///< SIGKILL, until it is given up (a process in the kernel)
    /// The farthest a service may push its own leaving, from the command: the longest grace, the longest closing time
    /// and a second.
    base::Nanoseconds longest_leave = std::chrono::seconds(601);
};

/// What is stopped. The calls must not block.
class StopTarget {
public:
    virtual ~StopTarget() = default;

    /// True once the process has ended.
    [[nodiscard]] virtual bool ended() const = 0;
    /// Asks it to leave by then. False: it cannot be asked.
    virtual bool ask(base::Instant leave_by) = 0;
    /// SIGTERM to its group.
    virtual void terminate() = 0;
    /// SIGKILL to its group.
    virtual void kill() = 0;
};

/// How far a stop has come.
enum class StopStep : std::uint8_t { begun, asked, terminated, killed, ended, given_up };

/// The word of messages and logs.
[[nodiscard]] const char* to_string(StopStep step) noexcept;

/// One stop of one process: asked, SIGTERM, SIGKILL, each at its absolute instant. It holds no clock and no timer:
/// whoever drives it calls advance() at the instant advance() named, or earlier when something has happened. Several
/// stops driven by one loop go on in parallel. *Thread safety*: none.
class StopSequence {
public:
    /// A stop commanded at `start`. `leave_by`: when the process has a reason to stay longer than the policy's time
    /// (or is to leave sooner); bounded by the policy's longest.
    StopSequence(const StopPolicy& policy, base::Instant start, std::optional<base::Instant> leave_by = std::nullopt);

    /// Does what is due at `now`. When to call again; absent once it is over (ended or given up).
    std::optional<base::Instant> advance(base::Instant now, StopTarget& target);

    /// The process's own word: it stays until then. Later than now known, and before SIGTERM, it moves all instants;
    /// else it has no effect.
    void extend(base::Instant leave_by) noexcept;

    /// The starter's word, also to an earlier instant (a hold that ended early). No effect after SIGTERM.
    void set_leave_by(base::Instant leave_by) noexcept;

    /// No more waiting: SIGKILL at the next advance().
    void kill_now() noexcept { impatient_ = true; }

    /// How far it is.
    [[nodiscard]] StopStep step() const noexcept { return step_; }

    /// When it is told by SIGTERM.
    [[nodiscard]] base::Instant leave_by() const noexcept { return leave_by_; }

    /// When it is killed.
    [[nodiscard]] base::Instant kill_at() const noexcept { return leave_by_ + policy_.terminate; }

    /// When nobody waits for it any more.
    [[nodiscard]] base::Instant give_up_at() const noexcept { return give_up_at_.value_or(kill_at() + policy_.reap); }

private:
    void do_step(base::Instant now, StopTarget& target);
    [[nodiscard]] std::optional<base::Instant> due() const noexcept;

    StopPolicy policy_;
    base::Instant latest_;
    base::Instant leave_by_;
    std::optional<base::Instant> give_up_at_;  // fixed at SIGKILL
    StopStep step_ = StopStep::begun;
    bool impatient_ = false;
};

}  // namespace aiperf::process
