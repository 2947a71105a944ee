#pragma once

#include "aiperf/load/plan.hpp"
#include "aiperf/load/shared_state.hpp"
#include "aiperf/process/bell.hpp"
#include "aiperf/record/journal.hpp"
#include "aiperf/validity/evidence.hpp"
#include "crew.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::control {

/// What a run does about workers that die or do not answer.
struct WorkerRules {
    bool abort_on_death = true;         ///< else the others go on
    base::Nanoseconds drain_timeout{};  ///< a worker that has not closed what is in flight by then is killed
    base::Nanoseconds stale_after{};    ///< silence worth a warning
    std::function<void(const std::string&)> warn = [](const std::string&) {};
};

/// Leads the workers of a run through its phases: started here, sent home in the destructor.
///
/// *Thread safety*: stop(), worker_pid(), worker_status() and the counters from any thread; the rest from one.
class LoadDriver {
public:
    /// Starts the workers; they wait for a phase. `plan` and `journal` outlive the driver. Throws base::Error.
    LoadDriver(const load::LoadPlan& plan, record::Journal& journal, const MakeCrew& make_crew, WorkerRules rules);
    ~LoadDriver();
    LoadDriver(const LoadDriver&) = delete;
    LoadDriver& operator=(const LoadDriver&) = delete;

    /// Has the workers open connections for phase `index`, where it has a schedule, and waits for them; not for long,
    /// as a server may take its time. Returns when the phase is to begin, CLOCK_MONOTONIC.
    [[nodiscard]] std::int64_t make_ready(std::uint32_t index);

    /// Runs phase `index` until every worker is through with it, or has died; calls `on_look` twice a second
    /// or more meanwhile. Returns the number of slots it has claimed.
    std::uint64_t run_phase(std::uint32_t index,
                            std::uint64_t first_slot,
                            std::int64_t start_ns,
                            const std::function<void()>& on_look = {});

    /// What the loops counted over the phase that run_phase() ran last.
    [[nodiscard]] validity::LoopFigures loop_figures(std::uint32_t phase) noexcept;

    /// Of the same phase, the requests that had to wait until their prompts were made.
    [[nodiscard]] std::uint64_t unready() noexcept;

    /// Raises the stop level (it never falls) and wakes the workers.
    void stop(load::Stop level) noexcept;

    /// Why the run cannot be complete: a worker has died and the rules say abort, or all have; empty = it can.
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

    [[nodiscard]] load::SharedState& state() noexcept { return mapping_.state(); }

    /// Sends the workers home and waits for them; the counters stay.
    void send_home() noexcept;

    /// What is known of a worker, for people: its process, and whether it has died, or is silent.
    [[nodiscard]] pid_t worker_pid(std::uint32_t worker) const noexcept;
    [[nodiscard]] const char* worker_status(std::uint32_t worker) noexcept;

private:
    struct Claim {
        std::uint32_t phase;
        std::uint64_t first_slot;
    };

    [[nodiscard]] std::uint64_t claimed(std::uint32_t phase) noexcept;
    [[nodiscard]] static std::uint64_t due(const schedule::Phase& phase, std::uint64_t most) noexcept;
    [[nodiscard]] std::uint64_t planned(std::uint32_t index) noexcept;
    [[nodiscard]] bool is_over(std::uint32_t phase) noexcept;
    [[nodiscard]] bool is_ready(std::uint32_t phase) noexcept;
    [[nodiscard]] base::Instant drained_by(std::uint32_t phase, std::int64_t start_ns) const noexcept;
    void bury_dead(const Claim& claim);
    void settle(const WorkerDeath& death, const Claim& claim, bool unsent);
    void kill_late(std::uint32_t phase);
    void look_for_silence(std::uint32_t phase);
    void heed_failures() noexcept;
    [[nodiscard]] base::Nanoseconds silence_of(std::uint32_t worker) noexcept;

    const load::LoadPlan& plan_;
    record::Journal& journal_;
    WorkerRules rules_;
    load::SharedMapping mapping_;
    std::shared_ptr<const process::Bell> bell_ = std::make_shared<const process::Bell>();
    std::atomic<std::int64_t> stopped_ns_{0};  // when in-flight requests were to be closed; 0 = not
    std::vector<WorkerDeath> dead_;
    std::vector<std::atomic<bool>> is_dead_;  // the same, for other threads
    std::vector<pid_t> pids_;
    std::vector<bool> silent_;  // warned about
    bool killed_late_ = false;  // in this phase
    std::optional<base::Instant> failing_since_;
    std::string failure_;
    std::unique_ptr<Crew> crew_;  // last: gone before what it works with
};

}  // namespace aiperf::control
