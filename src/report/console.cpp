#include "aiperf/report/console.hpp"

#include "aiperf/base/text.hpp"
#include "aiperf/metric/definitions.hpp"
#include "aiperf/report/number_text.hpp"
#include "aiperf/report/table.hpp"
#include "artifact_text.hpp"
#include "redaction.hpp"

#include <array>
#include <cmath>
#include <optional>
#include <utility>

namespace aiperf::report {
namespace {

constexpr std::size_t k_long_header = 30;  // beyond it the unit takes a second line
constexpr const char* k_metric_color = "36";
constexpr const char* k_number_color = "32";
constexpr const char* k_error_color = "31";

struct GroupTitle {
    metric::Group group;
    const char* title;
};

constexpr std::array k_groups{
    GroupTitle{metric::Group::effective, "aiperf-cpp | LLM Metrics: Effective"},
    GroupTitle{metric::Group::usage, "aiperf-cpp | LLM Metrics: Usage"},
    GroupTitle{metric::Group::standard, "aiperf-cpp | LLM Metrics"},
    GroupTitle{metric::Group::schedule, "aiperf-cpp | Against the Schedule"},
};

bool shown(const metric::Definition& definition, metric::Group group) {
    // Latency from the plan says something beside the one from the send.
    if (group == metric::Group::schedule && definition.tag == "request_latency") {
        return true;
    }
    return definition.group == group && !definition.has(metric::metric_flag::hidden | metric::metric_flag::error_only);
}

std::string label_of(const metric::Definition& definition) {
    std::string out(definition.header);
    if (!definition.unit.display.empty()) {
        out += out.size() > k_long_header ? "\n(" : " (";
        out.append(definition.unit.display).append(")");
    }
    return out;
}

std::string number(double value, bool exists) {
    return exists && std::isfinite(value) ? grouped2(value) : "N/A";
}

std::vector<std::string> row_of(const metric::Metric& metric) {
    const metric::Statistics& s = metric.statistics;
    std::vector<std::string> out{label_of(*metric.definition), number(s.avg, true)};
    for (const double value : {s.min, s.max, s.p99, s.p90, s.p50, s.std}) {
        out.push_back(number(value, !s.scalar));
    }
    return out;
}

std::string metric_table(const metric::Summary& summary, const GroupTitle& group, const ConsoleOptions& options) {
    Table table;
    table.title = group.title;
    table.columns.push_back({"Metric", Align::right, false, k_metric_color});
    for (const char* name : {"avg", "min", "max", "p99", "p90", "p50", "std"}) {
        table.columns.push_back({name, Align::right, false, k_number_color});
    }
    bool has_own = false;
    for (const metric::Metric& metric : summary.metrics) {
        if (shown(*metric.definition, group.group)) {
            table.rows.push_back(row_of(metric));
            has_own = has_own || metric.definition->group == group.group;
        }
    }
    if (!has_own) {
        return {};
    }
    return table.rows.empty() ? std::string{} : render_table(table, options.width, options.ansi);
}

std::string error_table(const ReportInput& input, const ConsoleOptions& options) {
    Table table;
    table.title = "aiperf-cpp | Error Summary";
    table.columns = {{"Code", Align::right, false, k_error_color},
                     {"Type", Align::right, false, k_error_color},
                     {"Message", Align::left, true, {}},
                     {"Count", Align::right, false, k_number_color}};
    for (const metric::ErrorCount& error : errors_in_order(input)) {
        table.rows.push_back({error.details.code != 0 ? std::to_string(error.details.code) : "N/A",
                              error.details.type,
                              error.details.message,
                              std::to_string(error.count)});
    }
    return table.rows.empty() ? std::string{} : render_table(table, options.width, options.ansi);
}

std::string verdict(const ReportInput& input) {
    std::string out;
    if (input.ending == Ending::stopped) {
        out += "The run has stopped itself: these figures cover only what was over by then.\n";
    } else if (input.ending == Ending::cancelled) {
        out += "The run was cancelled: these figures cover only what had finished by then.\n";
    } else if (input.ending == Ending::incomplete) {
        out += "The run is incomplete: these figures cover only what was recorded.\n";
    }
    if (!input.error.empty()) {
        out += "Error: " + redact_text(input.error, input.config) + "\n";
    }
    return out;
}

/// Whether the client distorted the numbers, and the reasons.
std::string validity_text(const ReportInput& input, std::size_t width) {
    if (input.validity == nullptr) {
        return {};
    }
    std::string out = "Validity: " + std::string(validity::to_string(input.validity->verdict)) + "\n";
    for (const validity::Reason& reason : input.validity->reasons) {
        const char* bullet = "  * ";
        for (const std::string& line : base::wrap(reason.sentence, width - 4)) {
            out.append(std::exchange(bullet, "    ")).append(line).append("\n");
        }
    }
    return out;
}

/// "p50 0.21 of 40.32 ms (0.5 %)"
std::string share_text(const char* name, double own, double measured, const std::optional<double>& ratio) {
    std::string out = std::string(name) + " " + grouped2(own) + " of " + grouped2(measured) + " ms";
    return ratio ? out + " (" + grouped2(*ratio * 100) + " %)" : out;
}

/// What of the measured times the client alone would have had.
std::string calibration_text(const ReportInput& input) {
    if (input.calibration == nullptr) {
        return {};
    }
    std::string out = "Calibration: the client's own share of what was measured\n";
    for (const validity::OwnShare& share : validity::own_shares(*input.calibration, input.summary)) {
        out.append("  * ").append(share.metric).append(": ");
        out += share_text("p50", share.own.p50_ms, share.measured.p50_ms, share.p50_ratio) + ", ";
        out += share_text("p99", share.own.p99_ms, share.measured.p99_ms, share.p99_ratio) + "\n";
    }
    return out;
}

std::string export_label(const std::filesystem::path& path) {
    if (path.parent_path().parent_path().filename() == "phases") {
        return {};  // phase_manifest.json lists them
    }
    const std::string name = path.filename().string();
    static const std::array<std::pair<const char*, const char*>, 4> k_labels{{
        {"profile_export_aiperf.csv", "CSV Export"},
        {"profile_export_aiperf.json", "JSON Export"},
        {"profile_export.jsonl", "Records"},
        {"inputs.json", "Inputs"},
    }};
    for (const auto& [file, label] : k_labels) {
        if (name == file) {
            return label;
        }
    }
    return {};
}

const char* remark_of(Ending ending) noexcept {
    switch (ending) {
        case Ending::complete: return "";
        case Ending::cancelled: return " (cancelled early)";
        case Ending::stopped:
        case Ending::incomplete: break;
    }
    return " (cut short)";
}

std::string footer(const ReportInput& input) {
    std::string out;
    if (!input.config.cli_command.empty()) {
        out += "CLI Command: " + input.config.cli_command + "\n";
    }
    if (const metric::Metric* duration = input.summary.find("benchmark_duration")) {
        out += "Benchmark Duration: " + grouped2(duration->statistics.avg) + " sec" + remark_of(input.ending) + "\n";
    }
    for (const std::filesystem::path& path : input.artifacts) {
        if (const std::string label = export_label(path); !label.empty()) {
            out += label + ": " + path.string() + "\n";
        }
    }
    for (const std::string& note : input.notes) {
        out += "Note: " + note + "\n";
    }
    if (!input.log_file.empty()) {
        out += "Log File: " + input.log_file.string() + "\n";
    }
    return out;
}

}  // namespace

std::string console_report(const ReportInput& input, const ConsoleOptions& options) {
    std::string out = error_table(input, options);
    for (const GroupTitle& group : k_groups) {
        out += metric_table(input.summary, group, options);
    }
    return out + verdict(input) + validity_text(input, options.width) + calibration_text(input) + footer(input);
}

}  // namespace aiperf::report
