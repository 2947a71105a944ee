#pragma once

#include "aiperf/api/run_state.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

// Parts that several bodies, and the messages of the live streams, have in common.
namespace aiperf::api {

/// Text that is no UTF-8 is repaired.
[[nodiscard]] std::string text_of(const nlohmann::ordered_json& json);

[[nodiscard]] nlohmann::ordered_json phase_json(const PhaseProgress& phase,
                                                std::size_t index,
                                                std::int64_t updated_at_ns);

[[nodiscard]] nlohmann::ordered_json task_stats_json(std::uint64_t total,
                                                     std::uint64_t failed,
                                                     std::uint64_t completed);

/// Its unit, the statistics it has, its header.
[[nodiscard]] nlohmann::ordered_json metric_json(const MetricSnapshot& metric);

}  // namespace aiperf::api
