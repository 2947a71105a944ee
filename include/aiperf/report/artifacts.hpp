#pragma once

#include "aiperf/base/error.hpp"
#include "aiperf/report/report_input.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace aiperf::report {

/// Name of the summary.
inline constexpr const char* k_summary_file = "profile_export_aiperf.json";

/// Name of the file that appears last: all others are whole.
inline constexpr const char* k_ready_marker = ".aiperf_results_ready.json";

/// Some of a run's files could not be written. The others are there, the marker is not.
class ExportError : public base::RunError {
public:
    /// `written` and `failed` together are all files of a run.
    ExportError(const std::string& what, std::vector<std::filesystem::path> written, std::vector<std::string> failed)
        : RunError(what),
          written_(std::move(written)),
          failed_(std::move(failed)) {}

    /// Files that are there, absolute.
    [[nodiscard]] const std::vector<std::filesystem::path>& written() const noexcept { return written_; }

    /// Names of the files that are missing, at least one.
    [[nodiscard]] const std::vector<std::string>& failed() const noexcept { return failed_; }

private:
    std::vector<std::filesystem::path> written_;
    std::vector<std::string> failed_;
};

/// Writes the run's files into `dir` (made if missing) and returns their paths in the order they were published:
/// inputs.json, profile_export.jsonl (export level records and raw), with a warm-up phases/NAME/ for
/// each phase and phase_manifest.json, profile_export_aiperf.csv, profile_export_aiperf.json, and last k_ready_marker.
/// A marker of an earlier run is removed first, so that it never vouches for a mixture.
///
/// Each file appears whole or not at all: written beside under a temporary name, synced, renamed. One that cannot be
/// written keeps no other from being tried, but the marker stays away, and the summary says that the run is incomplete
/// if it comes after it. Then throws ExportError, with the system's reason for the first one. Throws base::RunError
/// where the directory cannot be used at all.
std::vector<std::filesystem::path> write_artifacts(const ReportInput& input, const std::filesystem::path& dir);

/// Those of these files that are in a directory, by name. Throws std::filesystem::filesystem_error where it cannot be
/// read.
[[nodiscard]] std::vector<std::filesystem::path> artifacts_in(const std::filesystem::path& dir);

}  // namespace aiperf::report
