#pragma once

#include "aiperf/config/run_config.hpp"
#include "aiperf/dataset/dataset.hpp"
#include "aiperf/metric/summary.hpp"
#include "aiperf/record/record_set.hpp"
#include "aiperf/validity/calibration.hpp"
#include "aiperf/validity/verdict.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace aiperf::report {

/// How the run ended, in the artifacts' terms.
enum class Ending : std::uint8_t {
    complete,    ///< as asked, whatever the answers were
    cancelled,   ///< by a person or a signal
    stopped,     ///< by a rule of the run (--failed-request-threshold): `error` says which
    incomplete,  ///< without a whole result set: `error` says why
};

/// A finished run, as the reports need it. *Lifetime*: refers to what it was made from.
struct ReportInput {
    const config::RunConfig& config;   ///< as asked: a field left open by the person stays out of `input_config`
    const record::RecordSet& records;  ///< every request
    const metric::Summary& summary;    ///< every number
    metric::Context context;           ///< the one `summary` was made with
    std::string benchmark_id;          ///< 12 hexadecimal digits, by custom
    std::string version;               ///< of this product
    Ending ending = Ending::complete;  ///< how the run ended
    std::string error;                 ///< one line, or empty
    std::vector<std::string> conversation_ids;     ///< by data-set entry; empty: taken from `dataset`
    const dataset::Dataset* dataset = nullptr;     ///< null (in a recovery): inputs.json is left as it is
    std::vector<std::filesystem::path> artifacts;  ///< files to name below the console's tables

    std::vector<std::string> notes;  ///< what a reader of the numbers must know, sentences

    const validity::Judgement* validity = nullptr;  ///< null: nothing is said about it

    const validity::Calibration* calibration = nullptr;  ///< null: nothing is said about it

    std::filesystem::path log_file;  ///< named below them too; empty: there is none

    /// Id of a data-set entry; "" where it is not known.
    [[nodiscard]] std::string conversation_id(std::size_t entry) const;
};

}  // namespace aiperf::report
