#pragma once

#include "aiperf/metric/summary.hpp"
#include "aiperf/validity/calibration.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace aiperf::report {

/// {"requests_per_second", "events_per_second", "cpu_us_per_request", "metrics": {tag: {"unit": "ms", "own": {"p50",
/// "p99"}}}}.
[[nodiscard]] nlohmann::ordered_json calibration_json(const validity::Calibration& calibration);

/// The same for the report of a run: each metric has "measured" and "ratio" too (own over measured; null where 0 was
/// measured); those the run does not have are left out.
[[nodiscard]] nlohmann::ordered_json calibration_json(const validity::Calibration& calibration,
                                                      const metric::Summary& summary);

/// That as text.
[[nodiscard]] std::string calibration_text(const validity::Calibration& calibration, const metric::Summary& summary);

/// Reads either form back. Absent: it is of another form, or a number is none that a calibration may have.
[[nodiscard]] std::optional<validity::Calibration> read_calibration(const nlohmann::json& object);

}  // namespace aiperf::report
