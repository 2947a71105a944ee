#pragma once

#include "aiperf/report/report_input.hpp"

#include <filesystem>
#include <vector>

namespace aiperf::report {

/// Name of the file that appears last: all others are whole.
inline constexpr const char* k_ready_marker = ".aiperf_results_ready.json";

/// Writes the run's files into `dir` (made if missing) and returns their paths in the order they were published:
/// inputs.json, profile_export.jsonl (export level records and raw), profile_export_aiperf.csv,
/// profile_export_aiperf.json, and last k_ready_marker. A marker of an earlier run is removed
/// first, so that it never vouches for a mixture.
///
/// Each file appears whole or not at all: written beside under a temporary name, synced, renamed. Throws base::RunError
/// naming the file and the system's reason; files published before it stay, the marker is not among them.
std::vector<std::filesystem::path> write_artifacts(const ReportInput& input, const std::filesystem::path& dir);

}  // namespace aiperf::report
