#pragma once

#include "aiperf/config/run_config.hpp"

#include <nlohmann/json.hpp>

namespace aiperf::endpoint {

/// Merges `--extra-inputs` into a body (shallow, the last writer wins), asks for usage where the merged body streams
/// (an author's own `include_usage` is kept, null counts as absent, a non-object is left alone), and writes it
/// compactly.
[[nodiscard]] std::string finish_body(nlohmann::ordered_json body, const config::RunConfig& config);

}  // namespace aiperf::endpoint
