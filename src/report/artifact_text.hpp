#pragma once

#include "aiperf/report/atomic_file.hpp"
#include "aiperf/report/report_input.hpp"

#include <string>
#include <vector>

namespace aiperf::report {

/// The files' contents. Large ones are appended piece by piece.

[[nodiscard]] std::string summary_json(const ReportInput& input);
[[nodiscard]] std::string summary_csv(const metric::Summary& summary);
[[nodiscard]] std::string ready_marker(const ReportInput& input);
void append_records(const ReportInput& input, AtomicFile& file);
void append_inputs(const dataset::Dataset& dataset, AtomicFile& file);

/// Errors in the order they first happened, credentials redacted.
[[nodiscard]] std::vector<metric::ErrorCount> errors_in_order(const ReportInput& input);

}  // namespace aiperf::report
