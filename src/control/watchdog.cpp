#include "watchdog.hpp"

#include "aiperf/base/thread_name.hpp"

#include <fmt/format.h>

#include <utility>

namespace aiperf::control {

namespace {

double seconds(base::Nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

}  // namespace

bool is_stuck(base::Instant now, std::optional<base::Instant> deadline, base::Nanoseconds slack) noexcept {
    return deadline && now > *deadline && now - *deadline > slack;
}

void WatchedStep::enter(std::string step, std::optional<base::Instant> deadline, base::Instant now) {
    step_ = std::move(step);
    deadline_ = deadline;
    since_ = now;
    seen_ = now;
    told_ = false;
}

void WatchedStep::leave() noexcept {
    step_.reset();
    deadline_.reset();
}

std::optional<std::string> WatchedStep::look(base::Instant now) {
    const base::Nanoseconds gap = now - std::exchange(seen_, now);
    if (deadline_ && gap > k_watchdog_gap && *deadline_ < base::Instant::max() - gap) {
        *deadline_ += gap;
    }
    if (!step_ || told_ || !is_stuck(now, deadline_)) {
        return std::nullopt;
    }
    told_ = true;
    return fmt::format("stuck in {}: it began {:.1f} s ago and had to end {:.1f} s ago",
                       *step_,
                       seconds(now - since_),
                       seconds(now - *deadline_));
}

std::string WatchedStep::where(base::Instant now) const {
    if (!step_) {
        return "no step";
    }
    std::string text = fmt::format("{} for {:.1f} s", *step_, seconds(now - since_));
    if (!deadline_ || *deadline_ == base::Instant::max()) {
        return text + ", without a deadline";
    }
    return *deadline_ >= now ? text + fmt::format(", at most {:.1f} s more", seconds(*deadline_ - now))
                             : text + fmt::format(", {:.1f} s behind its deadline", seconds(now - *deadline_));
}

Watchdog::Watchdog(OnStuck on_stuck, Clock clock, base::Nanoseconds tick)
    : on_stuck_(std::move(on_stuck)),
      clock_(std::move(clock)),
      tick_(tick),
      thread_([this] { run(); }) {}

Watchdog::~Watchdog() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void Watchdog::enter(std::string step, std::optional<base::Instant> deadline) {
    const std::scoped_lock lock(mutex_);
    step_.enter(std::move(step), deadline, clock_());
}

void Watchdog::leave() {
    const std::scoped_lock lock(mutex_);
    step_.leave();
}

std::string Watchdog::where(base::Instant now) const {
    const std::scoped_lock lock(mutex_);
    return step_.where(now);
}

void Watchdog::run() noexcept {
    base::name_this_thread("watchdog");
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, tick_, [this] { return stopping_; })) {
        const auto sentence = step_.look(clock_());
        if (sentence && on_stuck_) {
            lock.unlock();
            on_stuck_(*sentence);
            lock.lock();
        }
    }
}

}  // namespace aiperf::control
