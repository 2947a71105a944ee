#pragma once

#include "aiperf/report/report_input.hpp"

#include <nlohmann/json_fwd.hpp>

namespace aiperf::report {

/// The list of errors with their counts, as artifacts show it.
[[nodiscard]] nlohmann::ordered_json error_summary(const ReportInput& input);

}  // namespace aiperf::report
