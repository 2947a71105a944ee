#pragma once

#include "aiperf/api/run_state.hpp"
#include "aiperf/control/run.hpp"

namespace aiperf::control {

/// How a run ended, as the results server and status.json show it.
[[nodiscard]] api::Ending ending_of(const Result& result);

}  // namespace aiperf::control
