#pragma once

#include "aiperf/api/run_state.hpp"
#include "aiperf/base/clock.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/schedule/phase.hpp"

#include <string>
#include <vector>

namespace aiperf::control {

class LoadDriver;

/// The phases a run has been through, as the results server shows them: past ones as they ended, the current one from
/// the live counters. *Thread safety*: none.
class ProgressLog {
public:
    /// A phase begins now; the one before it has ended.
    void begin(const schedule::Phase& phase);

    /// Keeps the current phase's last counters; its workers are through.
    void freeze(LoadDriver& driver, const schedule::Phase& phase, base::Instant phase_start);

    /// Everything at this moment. `driver` null: no phase is running.
    [[nodiscard]] api::Progress look(const std::string& stage,
                                     LoadDriver* driver,
                                     const schedule::Phase& phase,
                                     base::Instant phase_start) const;

private:
    base::WallAnchor anchor_ = base::WallAnchor::take();
    std::vector<api::PhaseProgress> phases_;
    std::vector<api::WorkerProgress> workers_;  // as they were last
};

}  // namespace aiperf::control
