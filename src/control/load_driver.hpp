#pragma once

#include "aiperf/load/plan.hpp"
#include "aiperf/load/shared_state.hpp"
#include "aiperf/load/worker.hpp"
#include "aiperf/record/journal.hpp"

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace aiperf::control {

/// The workers of a run, as threads of this process: started here, led through the phases, joined in the destructor.
///
/// *Thread safety*: stop() and the counters from any thread; the rest from one.
class LoadDriver {
public:
    /// Starts the workers; they wait for a phase. `plan` and `journal` outlive the driver. Throws base::SystemError.
    LoadDriver(const load::LoadPlan& plan, record::Journal& journal);
    ~LoadDriver();
    LoadDriver(const LoadDriver&) = delete;
    LoadDriver& operator=(const LoadDriver&) = delete;

    /// Runs phase `index` from now until every worker is through with it. Returns the number of slots it has claimed.
    /// Rethrows what a worker's thread threw.
    std::uint64_t run_phase(std::uint32_t index, std::uint64_t first_slot, std::int64_t start_ns);

    /// Raises the stop level (it never falls) and wakes the workers.
    void stop(load::Stop level) noexcept;

    [[nodiscard]] load::SharedState& state() noexcept { return mapping_.state(); }

private:
    using Worker = load::Worker<load::EpollIo>;

    void work(std::uint32_t number) noexcept;
    void wake_all() noexcept;

    const load::LoadPlan& plan_;
    load::SharedMapping mapping_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::exception_ptr failure_;  // guarded by mutex_
    std::uint32_t dead_ = 0;      // workers whose thread ended by an exception; guarded by mutex_
};

}  // namespace aiperf::control
