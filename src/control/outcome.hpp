#pragma once

#include "aiperf/control/run.hpp"
#include "aiperf/load/plan.hpp"
#include "aiperf/load/shared_state.hpp"
#include "journal_folder.hpp"
#include "preparation.hpp"

#include <memory>
#include <string>
#include <vector>

namespace aiperf::control {

/// Result::error_type of a run that --failed-request-threshold has ended.
inline constexpr const char* k_too_many_failures = "TooManyFailures";

/// What is left of a run when its load is over, on the way to its result: reads the journal back, computes the summary,
/// writes the artifacts.
struct Outcome {
    explicit Outcome(const Preparation& preparation)
        : prepared(preparation) {}

    /// Fills `result`. `export_files` false: the journal is all that stays. Throws base::RunError where files cannot be
    /// written; status, summary and records are set then all the same.
    void conclude(bool export_files);

    const Preparation& prepared;
    std::unique_ptr<JournalFolder> folder;  ///< null: the run did not get that far
    load::LoadPlan plan;
    /// Notes what went wrong; the first thing counts.
    void fail(std::string what, const char* type = "RunError");

    std::string error;       ///< what went wrong; empty = nothing
    std::string error_type;  ///< as Result::error_type
    bool cancelled = false;
    std::vector<std::string> notes;  ///< what a reader of the numbers must know besides those of the preparation
    Result result;
};

/// Summary and artifacts from a set of records. `dataset` may be null. Throws report::ExportError where files are
/// missing; `result` names them and has all else.
void fill_result(Result& result, const dataset::Dataset* dataset, std::uint64_t entries, bool export_files);

/// An artifact directory as it was given, made absolute.
[[nodiscard]] std::filesystem::path whole_path(const std::filesystem::path& artifact_directory,
                                               const Environment& environment);

/// A snapshot from the live counters.
[[nodiscard]] Snapshot live_snapshot(load::SharedState& state,
                                     const schedule::Phase& phase,
                                     base::Instant phase_start,
                                     const std::string& stage);

}  // namespace aiperf::control
