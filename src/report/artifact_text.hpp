#pragma once

#include "aiperf/report/atomic_file.hpp"
#include "aiperf/report/report_input.hpp"

#include <string>
#include <vector>

namespace aiperf::report {

/// The files' contents. Large ones are appended piece by piece.

/// `warmup`: becomes the member `warmup_metrics`; null where there was no warm-up.
[[nodiscard]] std::string summary_json(const ReportInput& input, const metric::Summary* warmup = nullptr);
[[nodiscard]] std::string summary_csv(const metric::Summary& summary);
[[nodiscard]] std::string ready_marker(const ReportInput& input);
void append_records(const ReportInput& input, AtomicFile& file);
void append_inputs(const dataset::Dataset& dataset, AtomicFile& file);

/// One phase of a run with its own numbers.
struct PhaseReport {
    std::size_t index = 0;  ///< into the records' phases
    metric::Summary summary;
    Ending ending = Ending::complete;
};

/// The phases of a run that has more than the profiling phase; else none.
[[nodiscard]] std::vector<PhaseReport> phase_reports(const ReportInput& input);

inline constexpr const char* k_phases_folder = "phases";

/// Where the files of a phase go, below the artifact directory: "phases/warmup". One plain name, whatever a damaged
/// journal calls the phase.
[[nodiscard]] std::string phase_folder(const ReportInput& input, const PhaseReport& phase);

/// What phases began, where their files are, and how many requests each had.
[[nodiscard]] std::string phase_manifest(const ReportInput& input, const std::vector<PhaseReport>& phases);

/// Errors in the order they first happened, credentials redacted.
[[nodiscard]] std::vector<metric::ErrorCount> errors_in_order(const ReportInput& input);

/// The same run, reported by the numbers of one of its phases. *Lifetime*: refers to both.
[[nodiscard]] ReportInput input_of_phase(const ReportInput& input, const PhaseReport& phase);

}  // namespace aiperf::report
