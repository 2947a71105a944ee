#include "aiperf/base/text.hpp"
#include "aiperf/metric/definitions.hpp"
#include "aiperf/report/calibration_json.hpp"
#include "aiperf/report/validity_json.hpp"
#include "artifact_text.hpp"
#include "error_causes.hpp"
#include "error_summary.hpp"
#include "input_config.hpp"
#include "json_text.hpp"
#include "redaction.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace aiperf::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* k_schema_version = "1.4";  // of AIPerf's layout, not of this product
constexpr std::size_t k_indent = 2;

/// What is not finite is left out, never written as null.
void put(Json& out, const char* key, double value) {
    if (std::isfinite(value)) {
        out[key] = value;
    }
}

Json bound(double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
}

/// What the percentiles are worth: bounds of each, and which have too few values for both.
void put_intervals(Json& out, const metric::Statistics& statistics) {
    Json intervals = Json::object();
    Json too_few = Json::array();
    for (std::size_t i = 0; i < metric::k_percentiles.size(); ++i) {
        const metric::Interval& interval = statistics.intervals[i];
        const std::string name = "p" + base::number_text(metric::k_percentiles[i]);
        intervals[name] = Json::array({bound(interval.low), bound(interval.high)});
        if (!interval.is_whole()) {
            too_few.push_back(name);
        }
    }
    out["intervals"] = std::move(intervals);
    out["too_few_samples_for"] = std::move(too_few);
}

Json statistics_of(const metric::Metric& metric) {
    const metric::Statistics& s = metric.statistics;
    Json out{{"unit", metric.definition->unit.display}};
    put(out, "avg", s.avg);
    if (s.scalar) {
        return out;
    }
    put(out, "p1", s.p1);
    put(out, "p5", s.p5);
    put(out, "p10", s.p10);
    put(out, "p25", s.p25);
    put(out, "p50", s.p50);
    put(out, "p75", s.p75);
    put(out, "p90", s.p90);
    put(out, "p95", s.p95);
    put(out, "p99", s.p99);
    put(out, "min", s.min);
    put(out, "max", s.max);
    put(out, "std", s.std);
    out["count"] = s.count;
    put(out, "sum", s.sum);
    put_intervals(out, s);
    return out;
}

/// Local time as Python's isoformat() writes it, to the microsecond.
std::string local_iso(std::int64_t wall_ns) {
    constexpr std::int64_t k_us_per_s = 1'000'000;
    const std::int64_t us = (wall_ns + 500) / 1000;
    const auto seconds = static_cast<std::time_t>(us / k_us_per_s);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    char text[64];
    const std::size_t size = std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
    char fraction[16] = "";
    if (us % k_us_per_s != 0) {
        std::snprintf(fraction, sizeof(fraction), ".%06d", static_cast<int>(us % k_us_per_s));
    }
    return std::string(text, size) + fraction;
}

Json run_info(const ReportInput& input) {
    Json out{{"benchmark_id", input.benchmark_id}};
    if (input.config.random_seed) {
        out["random_seed"] = *input.config.random_seed;
    }
    out["trial"] = 0;
    if (!input.config.cli_command.empty()) {
        out["cli_command"] = input.config.cli_command;
    }
    if (!input.notes.empty()) {
        out["notes"] = input.notes;
    }
    return out;
}

}  // namespace

nlohmann::ordered_json error_summary(const ReportInput& input) {
    Json out = Json::array();
    for (const metric::ErrorCount& error : errors_in_order(input)) {
        Json details = Json::object();
        if (error.details.code != 0) {
            details["code"] = error.details.code;
        }
        details["type"] = error.details.type;
        details["message"] = error.details.message;
        const ErrorCauses causes = causes_of(error.details);
        if (!causes.cause.empty()) {
            details["cause"] = causes.cause;
        }
        if (!causes.chain.empty()) {
            details["cause_chain"] = causes.chain;
        }
        out.push_back(Json{{"error_details", std::move(details)}, {"count", error.count}});
    }
    return out;
}

namespace {

std::string incomplete_reason(const ReportInput& input) {
    if (!input.error.empty()) {
        return redact_text(input.error, input.config);
    }
    return input.ending == Ending::cancelled ? "The run was cancelled before all requests were over."
                                             : "The run ended before all requests were over.";
}

/// The metrics that lead the file, by rank.
std::vector<const metric::Metric*> leading(const metric::Summary& summary) {
    std::vector<const metric::Metric*> out;
    for (const metric::Metric& metric : summary.metrics) {
        if (metric.definition->export_rank != metric::k_after_run) {
            out.push_back(&metric);
        }
    }
    std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) {
        return a->definition->export_rank < b->definition->export_rank;
    });
    return out;
}

void put_metric(Json& out, const metric::Metric& metric) {
    if (!metric.definition->has(metric::metric_flag::hidden) && std::isfinite(metric.statistics.avg)) {
        out[std::string(metric.definition->tag)] = statistics_of(metric);
    }
}

/// Before its time, by a person or by a rule of the run.
bool was_cut_short(const ReportInput& input) noexcept {
    return input.ending == Ending::cancelled || input.ending == Ending::stopped;
}

void put_run(const ReportInput& input, Json& out) {
    out["input_config"] = input_config(input.config);
    out["run_info"] = run_info(input);
    out["was_cancelled"] = was_cut_short(input);
    out["is_complete"] = input.ending == Ending::complete;
    if (input.ending != Ending::complete) {
        out["incomplete_reason"] = incomplete_reason(input);
    }
    out["error_summary"] = error_summary(input);
    if (input.summary.start_wall_ns != 0) {
        out["start_time"] = local_iso(input.summary.start_wall_ns);
    }
    if (input.summary.end_wall_ns != 0) {
        out["end_time"] = local_iso(input.summary.end_wall_ns);
    }
}

}  // namespace

std::vector<metric::ErrorCount> errors_in_order(const ReportInput& input) {
    std::vector<metric::ErrorCount> out = input.summary.errors;
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first_ns < b.first_ns; });
    for (metric::ErrorCount& error : out) {
        error.details.message = redact_text(std::move(error.details.message), input.config);
    }
    return out;
}

std::string summary_json(const ReportInput& input, const metric::Summary* warmup) {
    Json out{
        {"schema_version", k_schema_version}, {"aiperf_version", input.version}, {"benchmark_id", input.benchmark_id}};
    for (const metric::Metric* metric : leading(input.summary)) {
        put_metric(out, *metric);
    }
    put_run(input, out);
    if (warmup != nullptr) {
        Json& metrics = out["warmup_metrics"] = Json::object();
        for (const metric::Metric& metric : warmup->metrics) {
            put_metric(metrics, metric);
        }
    }
    for (const metric::Metric& metric : input.summary.metrics) {
        if (metric.definition->export_rank == metric::k_after_run) {
            put_metric(out, metric);
        }
    }
    if (input.validity != nullptr) {
        out["validity"] = validity_json(*input.validity);
    }
    if (input.calibration != nullptr) {
        out["calibration"] = calibration_json(*input.calibration, input.summary);
    }
    std::string text;
    append_json(text, out, k_indent);
    return text;
}

std::string ready_marker(const ReportInput& input) {
    std::string text;
    append_json(
        text,
        Json{{"ready", true}, {"was_cancelled", was_cut_short(input)}, {"partial", input.ending == Ending::incomplete}},
        0);
    return text;
}

}  // namespace aiperf::report
