#include "aiperf/base/error.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "aiperf/report/artifacts.hpp"
#include "aiperf/report/calibration_json.hpp"
#include "aiperf/report/validity_json.hpp"
#include "journal_folder.hpp"
#include "outcome.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>
#include <string_view>

namespace aiperf::control {

namespace {

using Json = nlohmann::json;

/// An object in a file; an empty one where there is none that can be read.
Json object_in(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    Json json = Json::parse(text.str(), nullptr, false);
    return json.is_object() ? json : Json::object();
}

bool is_true(const Json& object, const char* key) {
    return object.contains(key) && object[key].is_boolean() && object[key].get<bool>();
}

/// Status and error, from the marker that a run writes last and from its summary; what the run knew of the client.
void fill_ending(Result& result) {
    const Json marker = object_in(result.artifact_directory / report::k_ready_marker);
    const Json summary = object_in(result.artifact_directory / report::k_summary_file);
    const bool of_this_run = summary.contains("benchmark_id") && summary["benchmark_id"] == result.benchmark_id;
    if (of_this_run && summary.contains("validity")) {
        report::read_validity(summary["validity"], result.validity);
    }
    if (of_this_run && summary.contains("calibration")) {
        result.calibration = report::read_calibration(summary["calibration"]);
    }
    if (is_true(marker, "ready") && !is_true(marker, "partial")) {
        result.status = is_true(marker, "was_cancelled") ? Status::cancelled : Status::complete;
        return;
    }
    result.status = Status::incomplete;
    result.error_type = "RunError";
    const auto reason = summary.find("incomplete_reason");
    result.error = of_this_run && reason != summary.end() && reason->is_string()
                       ? reason->get<std::string>()
                       : "the run ended without artifacts; recover makes them";
}

}  // namespace

std::filesystem::path whole_path(const std::filesystem::path& artifact_directory, const Environment& environment) {
    const auto path = std::filesystem::absolute(environment.working_directory / artifact_directory).lexically_normal();
    return path.has_filename() ? path : path.parent_path();
}

std::filesystem::path journal_directory(const std::filesystem::path& artifact_directory,
                                        const Environment& environment) {
    return Preparation::journal_directory_of(whole_path(artifact_directory, environment),
                                             settings::Settings::from(environment.variables));
}

Result reopen(const std::filesystem::path& artifact_directory, const Environment& environment) {
    Result result;
    result.artifact_directory = whole_path(artifact_directory, environment);
    const auto journal = journal_directory(artifact_directory, environment);
    JournalFolder::require_idle(journal);
    const auto records = std::make_shared<record::JournalReader>(journal);
    const RunDescription description = RunDescription::read(journal);
    result.config = description.config;
    result.benchmark_id = description.benchmark_id;
    records->settle_lost();
    result.records = records;
    fill_ending(result);
    result.artifacts = report::artifacts_in(result.artifact_directory);
    fill_result(result, nullptr, description.entries, false);
    return result;
}

}  // namespace aiperf::control
