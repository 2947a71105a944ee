#include "load_driver.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace aiperf::control {

namespace {

constexpr auto k_look_again = std::chrono::milliseconds(500);
constexpr auto k_longest_opening = std::chrono::milliseconds(200);  // of connections ahead of a phase
constexpr auto k_head_start = std::chrono::milliseconds(1);         // for workers to see that a phase begins

}  // namespace

LoadDriver::LoadDriver(const load::LoadPlan& plan,
                       record::Journal& journal,
                       const MakeCrew& make_crew,
                       WorkerRules rules)
    : plan_(plan),
      journal_(journal),
      rules_(std::move(rules)),
      mapping_(plan.workers),
      is_dead_(plan.workers),
      silent_(plan.workers),
      crew_(make_crew({plan, mapping_, journal, bell_})) {
    for (std::uint32_t worker = 0; worker < plan.workers; ++worker) {
        pids_.push_back(crew_->pid(worker));
    }
}

LoadDriver::~LoadDriver() {
    send_home();
}

void LoadDriver::send_home() noexcept {
    if (crew_ != nullptr) {
        stop(load::Stop::in_flight);
        crew_.reset();
    }
}

pid_t LoadDriver::worker_pid(std::uint32_t worker) const noexcept {
    return pids_[worker];
}

const char* LoadDriver::worker_status(std::uint32_t worker) noexcept {
    if (is_dead_[worker].load()) {
        return "error";
    }
    return silence_of(worker) > rules_.stale_after ? "stale" : "healthy";
}

base::Nanoseconds LoadDriver::silence_of(std::uint32_t worker) noexcept {
    const std::int64_t seen = state().counters(worker).seen_ns.load(std::memory_order_relaxed);
    return base::Nanoseconds(seen == 0 ? 0 : base::now_ns() - seen);
}

std::int64_t LoadDriver::make_ready(std::uint32_t index) {
    if (!plan_.phases[index].arrivals) {
        return base::now_ns();
    }
    state().next_phase.store(index + 1, std::memory_order_release);
    crew_->wake_all();
    const base::Instant latest = base::now() + k_longest_opening;
    while (!is_ready(index) && base::now() < latest && state().stop.load() == 0) {
        bell_->wait_until(latest);
    }
    return (base::now() + k_head_start).time_since_epoch().count();
}

std::uint64_t LoadDriver::run_phase(std::uint32_t index,
                                    std::uint64_t first_slot,
                                    std::int64_t start_ns,
                                    const std::function<void()>& on_look) {
    const Claim claim{index, first_slot};
    load::SharedState& shared = state();
    for (const WorkerDeath& death : dead_) {
        shared.counters(death.worker).reset();  // the others do so themselves
    }
    shared.reset_claims();
    shared.first_slot.store(first_slot);
    shared.phase_start_ns.store(start_ns);
    shared.phase.store(index + 1, std::memory_order_release);
    crew_->wake_all();
    killed_late_ = false;
    while (!is_over(index)) {
        const base::Instant deadline = drained_by(index, start_ns);
        const base::Instant now = base::now();
        if (now >= deadline && !std::exchange(killed_late_, true)) {
            kill_late(index);
        }
        look_for_silence(index);
        if (on_look) {
            on_look();
        }
        heed_failures();
        bell_->wait_until(std::min(killed_late_ ? base::Instant::max() : deadline, now + k_look_again));
        bury_dead(claim);
    }
    bury_dead(claim);
    const bool told_to_stop = shared.stop.load() != static_cast<std::uint32_t>(load::Stop::none);
    for (const WorkerDeath& death : dead_) {
        settle(death, claim, !told_to_stop);  // all are at rest
    }
    return claimed(index);
}

validity::LoopFigures LoadDriver::loop_figures(std::uint32_t phase) noexcept {
    validity::LoopFigures figures;
    for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
        const load::WorkerCounters& counters = state().counters(worker);
        const auto wall = static_cast<double>(std::max<std::uint64_t>(counters.wall_ns.load(), 1));
        validity::LoopFigures one;
        one.busy_share = static_cast<double>(counters.ran_ns.load()) / wall;
        one.wait_share = static_cast<double>(counters.waited_ns.load()) / wall;
        one.cpu_s = static_cast<double>(counters.ran_ns.load()) * 1e-9;
        one.stall_ms = static_cast<double>(counters.stall_ns.load()) * 1e-6;
        one.own_failures = counters.own_failures.load();
        one.requests = counters.sent.load();
        figures.add(one);
    }
    figures.planned = planned(phase);
    figures.claimed = figures.planned > 0 ? claimed(phase) : 0;
    return figures;
}

std::uint64_t LoadDriver::unready() noexcept {
    std::uint64_t unready = 0;
    for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
        unready += state().counters(worker).unready.load();
    }
    return unready;
}

/// Requests whose time came while the phase lasted; 0 where no schedule and no end say so.
std::uint64_t LoadDriver::planned(std::uint32_t index) noexcept {
    const schedule::Phase& phase = plan_.phases[index];
    const bool cut_short = state().stop.load() != static_cast<std::uint32_t>(load::Stop::none);
    const bool known = phase.duration && phase.arrivals && !cut_short;
    return known ? due(phase, phase.requests.value_or(~std::uint64_t{0})) : 0;
}

/// How many of the first `most` indices are due within the phase's time: all before the first that is not.
std::uint64_t LoadDriver::due(const schedule::Phase& phase, std::uint64_t most) noexcept {
    if (!phase.duration || !phase.arrivals) {
        return most;
    }
    schedule::ArrivalCursor cursor(*phase.arrivals);
    std::uint64_t due = 0;
    while (due < most && cursor.at(due) < *phase.duration) {
        ++due;
    }
    return due;
}

std::uint64_t LoadDriver::claimed(std::uint32_t phase) noexcept {
    const std::uint64_t claimed = state().next_index.load();
    return std::min(claimed, plan_.phases[phase].requests.value_or(claimed));
}

bool LoadDriver::is_over(std::uint32_t phase) noexcept {
    for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
        if (!is_dead_[worker].load() && !state().is_through(worker, phase)) {
            return false;
        }
    }
    return true;
}

/// Every worker that lives has opened its connections.
bool LoadDriver::is_ready(std::uint32_t phase) noexcept {
    for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
        if (!is_dead_[worker].load() && !state().is_ready(worker, phase)) {
            return false;
        }
    }
    return true;
}

/// When every worker must have closed what it has in flight; max = nobody has told them to yet.
base::Instant LoadDriver::drained_by(std::uint32_t phase, std::int64_t start_ns) const noexcept {
    base::Instant by = base::Instant::max();
    if (const std::int64_t stopped = stopped_ns_.load(); stopped != 0) {
        by = base::Instant(base::Nanoseconds(stopped)) + rules_.drain_timeout;
    }
    const schedule::Phase& bounds = plan_.phases[phase];
    if (bounds.duration && bounds.grace) {
        by = std::min(
            by, base::Instant(base::Nanoseconds(start_ns)) + *bounds.duration + *bounds.grace + rules_.drain_timeout);
    }
    return by;
}

void LoadDriver::bury_dead(const Claim& claim) {
    for (WorkerDeath& death : crew_->take_deaths()) {
        rules_.warn(death.sentence);
        settle(death, claim, false);
        if (failure_.empty() && (rules_.abort_on_death || dead_.size() + 1 == plan_.workers)) {
            failure_ = death.sentence;
            stop(load::Stop::in_flight);
        }
        is_dead_[death.worker].store(true);
        dead_.push_back(std::move(death));
    }
}

void LoadDriver::settle(const WorkerDeath& death, const Claim& claim, bool unsent) {
    record::Journal::Loss loss;
    loss.worker = death.worker;
    loss.first = claim.first_slot;
    loss.count = unsent ? due(plan_.phases[claim.phase], claimed(claim.phase)) : claimed(claim.phase);
    loss.phase = static_cast<std::uint8_t>(claim.phase);
    loss.entries = static_cast<std::uint32_t>(plan_.dataset->size());
    loss.unsent = unsent;
    loss.several_turns = plan_.dataset->multi_turn();
    const std::uint64_t lost = journal_.settle_lost(loss, death.reason);
    load::WorkerCounters& counters = state().counters(death.worker);  // nobody else writes them any more
    counters.errors.fetch_add(lost);
    counters.completed.fetch_add(lost);
    counters.sent.store(counters.completed.load());  // it has nothing in flight
}

void LoadDriver::kill_late(std::uint32_t phase) {
    for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
        if (!is_dead_[worker].load() && !state().is_through(worker, phase) && crew_->kill(worker)) {
            rules_.warn("worker_" + std::to_string(worker) +
                        " has not closed its requests in time and was killed (AIPERF_TIMING_CANCEL_DRAIN_TIMEOUT)");
        }
    }
}

/// Silence is told, nothing more: a worker that was stopped may go on.
void LoadDriver::look_for_silence(std::uint32_t phase) {
    for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
        const base::Nanoseconds silence = silence_of(worker);
        const bool silent =
            silence > rules_.stale_after && !is_dead_[worker].load() && !state().is_through(worker, phase);
        if (silent && !silent_[worker]) {
            char text[96];
            std::snprintf(text,
                          sizeof(text),
                          "worker_%u has not moved for %.1f s",
                          worker,
                          std::chrono::duration<double>(silence).count());
            rules_.warn(text);
        }
        silent_[worker] = silent;
    }
}

/// The worker that saw it has told the shared state; the others may be waiting. What is in flight has as long to finish
/// as it would have to close.
void LoadDriver::heed_failures() noexcept {
    if (state().too_many_failures.load() == 0) {
        return;
    }
    if (!failing_since_) {
        failing_since_ = base::now();
        crew_->wake_all();
    } else if (base::now() >= *failing_since_ + rules_.drain_timeout && stopped_ns_.load() == 0) {
        stop(load::Stop::in_flight);
    }
}

void LoadDriver::stop(load::Stop level) noexcept {
    std::atomic<std::uint32_t>& stop = state().stop;
    std::uint32_t now = stop.load();
    while (now < static_cast<std::uint32_t>(level) &&
           !stop.compare_exchange_weak(now, static_cast<std::uint32_t>(level))) {
    }
    if (level == load::Stop::in_flight) {
        std::int64_t none = 0;
        stopped_ns_.compare_exchange_strong(none, base::now_ns());
    }
    bell_->ring();
    if (crew_ != nullptr) {
        crew_->wake_all();
    }
}

}  // namespace aiperf::control
