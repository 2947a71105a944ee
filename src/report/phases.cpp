#include "artifact_text.hpp"
#include "error_summary.hpp"
#include "json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace aiperf::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr int k_manifest_version = 1;  // of AIPerf's layout
constexpr std::size_t k_indent = 2;

Json time_of(const record::RunInfo& info, std::int64_t ns) {
    return ns == 0 ? Json() : Json(info.anchor.to_wall_ns(ns));
}

Json entry_of(const ReportInput& input, const PhaseReport& report) {
    const record::RunInfo& info = input.records.info();
    const record::PhaseInfo& phase = info.phases[report.index];
    const std::string folder = phase_folder(input, report) + "/";
    const auto before = info.phases.begin() + static_cast<std::ptrdiff_t>(report.index);
    const auto profiled = std::count_if(info.phases.begin(), before, [](const auto& p) { return p.profiling; });
    return Json{{"end_ns", time_of(info, phase.end_ns)},
                {"error_request_count", report.summary.failed},
                {"error_summary", error_summary(input_of_phase(input, report))},
                {"metrics_csv", folder + "profile_export_aiperf.csv"},
                {"metrics_json", folder + "profile_export_aiperf.json"},
                {"phase_index", report.index},
                {"phase_kind", phase.profiling ? "profiling" : "warmup"},
                {"phase_name", phase.name},
                {"profiling_index", phase.profiling ? Json(profiled) : Json()},
                {"start_ns", time_of(info, phase.start_ns)},
                {"successful_request_count", report.summary.valid},
                {"total_request_count", report.summary.valid + report.summary.failed},
                {"was_cancelled", report.ending == Ending::cancelled || report.ending == Ending::stopped}};
}

}  // namespace

std::vector<PhaseReport> phase_reports(const ReportInput& input) {
    const auto& phases = input.records.info().phases;
    const auto profiled = std::count_if(phases.begin(), phases.end(), [](const auto& p) { return p.profiling; });
    std::vector<PhaseReport> out;
    if (static_cast<std::size_t>(profiled) == phases.size()) {
        return out;
    }
    for (std::size_t index = 0; index < phases.size(); ++index) {
        // A phase that another has followed was not the one that was cut short.
        const bool last = index + 1 == phases.size();
        PhaseReport& report = out.emplace_back();
        report.index = index;
        report.ending = last ? input.ending : Ending::complete;
        if (phases[index].profiling && profiled == 1) {
            report.summary = input.summary;
            continue;
        }
        metric::Context context = input.context;
        context.cancelled = context.cancelled && last;
        report.summary = metric::summarise_phase(input.records, context, index);
    }
    return out;
}

std::string phase_folder(const ReportInput& input, const PhaseReport& phase) {
    std::string name = input.records.info().phases[phase.index].name;
    for (char& c : name) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        c = plain ? c : '_';
    }
    return std::string(k_phases_folder) + "/" + (name.empty() ? "_" : name);
}

ReportInput input_of_phase(const ReportInput& input, const PhaseReport& phase) {
    return {.config = input.config,
            .records = input.records,
            .summary = phase.summary,
            .context = input.context,
            .benchmark_id = input.benchmark_id,
            .version = input.version,
            .ending = phase.ending,
            .error = phase.ending == Ending::complete ? std::string{} : input.error,
            .conversation_ids = {},
            .dataset = nullptr,
            .artifacts = {},
            .notes = input.notes,
            .log_file = {}};
}

std::string phase_manifest(const ReportInput& input, const std::vector<PhaseReport>& phases) {
    Json out{{"phases", Json::array()}, {"schema_version", k_manifest_version}};
    for (const PhaseReport& phase : phases) {
        out["phases"].push_back(entry_of(input, phase));
    }
    std::string text;
    append_json(text, out, k_indent);
    return text;
}

}  // namespace aiperf::report
