#include "aiperf/process/stop_policy.hpp"

#include <algorithm>
#include <array>

namespace aiperf::process {

const char* to_string(StopStep step) noexcept {
    constexpr std::array k_steps{"begun", "asked", "terminated", "killed", "ended", "given_up"};
    return k_steps.at(static_cast<std::size_t>(step));
}

StopSequence::StopSequence(const StopPolicy& policy, base::Instant start, std::optional<base::Instant> leave_by)
    : policy_(policy),
      latest_(start + policy.longest_leave),
      leave_by_(std::min(leave_by.value_or(start + policy.leave), latest_)) {}

void StopSequence::extend(base::Instant leave_by) noexcept {
    set_leave_by(std::max(leave_by_, leave_by));
}

void StopSequence::set_leave_by(base::Instant leave_by) noexcept {
    if (step_ == StopStep::begun || step_ == StopStep::asked) {
        leave_by_ = std::min(leave_by, latest_);
    }
}

std::optional<base::Instant> StopSequence::due() const noexcept {
    switch (step_) {
        case StopStep::begun: return base::Instant::min();
        case StopStep::asked: return impatient_ ? base::Instant::min() : leave_by_;
        case StopStep::terminated: return impatient_ ? base::Instant::min() : kill_at();
        case StopStep::killed: return give_up_at();
        case StopStep::ended:
        case StopStep::given_up: break;
    }
    return std::nullopt;
}

void StopSequence::do_step(base::Instant now, StopTarget& target) {
    if (impatient_ && step_ < StopStep::killed) {
        step_ = StopStep::terminated;
    }
    switch (step_) {
        case StopStep::begun:
            step_ = StopStep::asked;
            if (!target.ask(leave_by_)) {
                leave_by_ = std::min(leave_by_, now);
            }
            break;
        case StopStep::asked:
            target.terminate();
            step_ = StopStep::terminated;
            break;
        case StopStep::terminated:
            target.kill();
            step_ = StopStep::killed;
            give_up_at_ = now + policy_.reap;
            break;
        case StopStep::killed: step_ = StopStep::given_up; break;
        case StopStep::ended:
        case StopStep::given_up: break;
    }
}

std::optional<base::Instant> StopSequence::advance(base::Instant now, StopTarget& target) {
    for (;;) {
        if (step_ != StopStep::given_up && target.ended()) {
            step_ = StopStep::ended;
        }
        const auto when = due();
        if (!when || *when > now) {
            return when;
        }
        do_step(now, target);
    }
}

}  // namespace aiperf::process
