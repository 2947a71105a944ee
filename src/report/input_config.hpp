#pragma once

#include "aiperf/config/run_config.hpp"

#include <nlohmann/json_fwd.hpp>

namespace aiperf::report {

/// The configuration in the shape AIPerf exports it, credentials redacted. What the person left open is left out.
[[nodiscard]] nlohmann::ordered_json input_config(const config::RunConfig& config);

}  // namespace aiperf::report
