#pragma once

#include "aiperf/load/plan.hpp"
#include "aiperf/load/shared_state.hpp"
#include "aiperf/process/bell.hpp"
#include "aiperf/process/supervisor.hpp"
#include "aiperf/record/journal.hpp"
#include "aiperf/settings/settings.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::control {

/// A worker that has ended without being told to.
struct WorkerDeath {
    std::uint32_t worker = 0;
    std::string reason;    ///< for the records of what it had in flight: "worker died (signal 9)"
    std::string sentence;  ///< all that is known, for people
};

/// Those who do a run's work: they go through the phases as the shared state says. Threads, or processes.
///
/// *Thread safety*: wake_all() from any thread; the rest from one. The destructor sends them home and waits for them.
class Crew {
public:
    virtual ~Crew() = default;

    /// Makes every worker look at the shared state.
    virtual void wake_all() noexcept = 0;

    /// Deaths since the last call. The bell rings for each.
    [[nodiscard]] virtual std::vector<WorkerDeath> take_deaths() = 0;

    /// Ends a worker that does not obey; its death follows. False: that cannot be done to it.
    virtual bool kill(std::uint32_t worker) noexcept = 0;

    /// The process it is in.
    [[nodiscard]] virtual pid_t pid(std::uint32_t worker) const noexcept = 0;
};

/// What a crew works with. What is referred to outlives the crew.
struct CrewTools {
    const load::LoadPlan& plan;
    load::SharedMapping& shared;
    record::Journal& journal;
    std::shared_ptr<const process::Bell> bell;  ///< rung when a worker is through with a phase, or has died
};

using MakeCrew = std::function<std::unique_ptr<Crew>(const CrewTools&)>;

/// Workers as threads of this process. Throws base::SystemError.
[[nodiscard]] std::unique_ptr<Crew> make_thread_crew(const CrewTools& tools);

/// What starting a process of a run needs.
struct ProcessKit {
    process::Supervisor& supervisor;
    std::filesystem::path helper;
    std::map<std::string, std::string> environment;
    settings::Service times;
    std::function<bool()> cancelled;  ///< waits end early

    /// Options for a child `name` with the helper's `arguments`.
    [[nodiscard]] process::ChildOptions child(std::string name, std::vector<std::string> arguments) const;

    /// Waits until a child serves, cannot, has not presented itself in time, or the run is cancelled. Why it does not
    /// serve; empty = it does.
    [[nodiscard]] std::string await(process::ChildId child) const;
};

/// Workers as processes. Throws base::RunError where one does not come to work.
[[nodiscard]] std::unique_ptr<Crew> make_process_crew(const CrewTools& tools, const ProcessKit& kit);

}  // namespace aiperf::control
