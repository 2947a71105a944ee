#include "bodies.hpp"

#include "aiperf/base/version.hpp"
#include "aiperf/metric/definitions.hpp"
#include "body_json.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace aiperf::api {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t k_ns_per_s = 1'000'000'000;

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

Json number(double value) {
    return std::isfinite(value) ? Json(value) : Json();
}

/// "2026-11-25T00:19:51.123456Z".
std::string utc_text(std::int64_t wall_ns) {
    const std::chrono::nanoseconds since_epoch(wall_ns);
    const auto days = std::chrono::floor<std::chrono::days>(since_epoch);
    const std::chrono::year_month_day date{std::chrono::sys_days(days)};
    const std::int64_t rest = (since_epoch - days).count();
    const auto two = [](std::int64_t value) {
        const std::string digits = std::to_string(value);
        return digits.size() < 2 ? "0" + digits : digits;
    };
    const std::int64_t second = rest / k_ns_per_s;
    std::string fraction = std::to_string(rest % k_ns_per_s / 1000);
    fraction.insert(0, 6 - fraction.size(), '0');
    return std::to_string(static_cast<int>(date.year())) + "-" + two(static_cast<unsigned>(date.month())) + "-" +
           two(static_cast<unsigned>(date.day())) + "T" + two(second / 3600) + ":" + two(second / 60 % 60) + ":" +
           two(second % 60) + "." + fraction + "Z";
}

std::vector<std::pair<std::string, double>> statistics_of(const metric::Statistics& s) {
    if (s.scalar) {
        return {{"avg", s.avg}};
    }
    return {{"avg", s.avg},
            {"p1", s.p1},
            {"p5", s.p5},
            {"p10", s.p10},
            {"p25", s.p25},
            {"p50", s.p50},
            {"p75", s.p75},
            {"p90", s.p90},
            {"p95", s.p95},
            {"p99", s.p99},
            {"min", s.min},
            {"max", s.max},
            {"std", s.std},
            {"count", static_cast<double>(s.count)},
            {"sum", s.sum}};
}

Json statistic(const std::pair<std::string, double>& entry) {
    // A count is a whole number in every body.
    return entry.first == "count" && entry.second >= 0 ? Json(static_cast<std::uint64_t>(entry.second))
                                                       : number(entry.second);
}

Json result_record(const MetricSnapshot& metric) {
    Json out{{"unit", metric.unit}};
    for (const char* key :
         {"avg", "p1", "p5", "p10", "p25", "p50", "p75", "p90", "p95", "p99", "min", "max", "std", "count", "sum"}) {
        out[key] = nullptr;
    }
    for (const auto& entry : metric.statistics) {
        out[entry.first] = statistic(entry);
    }
    out["tag"] = metric.tag;
    out["header"] = metric.header;
    out["current"] = nullptr;
    return out;
}

Json error_summary(const metric::Summary& summary) {
    Json out = Json::array();
    for (const metric::ErrorCount& error : summary.errors) {
        Json details{{"code", error.details.code == 0 ? Json() : Json(error.details.code)},
                     {"type", error.details.type},
                     {"message", error.details.message}};
        out.push_back(Json{{"error_details", std::move(details)}, {"count", error.count}});
    }
    return out;
}

Json worker_json(const WorkerProgress& worker, std::int64_t updated_at_ns) {
    return Json{{"worker_id", worker.id},
                {"task_stats", task_stats_json(worker.total, worker.failed, worker.completed)},
                {"processing_stats", {{"processed", worker.completed}, {"errors", worker.failed}}},
                {"health", {{"pid", worker.pid}}},
                {"status", worker.status},
                {"startup_state", nullptr},
                {"startup_state_updated_ns", nullptr},
                {"last_update_ns", updated_at_ns}};
}

}  // namespace

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json phase_json(const PhaseProgress& phase, std::size_t index, std::int64_t updated_at_ns) {
    const bool over = phase.requests_end_ns.has_value();
    const auto finally = [over](std::uint64_t value) { return over ? Json(value) : Json(); };
    const bool profiling = phase.name == "profiling";
    return Json{{"phase", phase.name},
                {"phase_index", index},
                {"profiling_index", profiling ? Json(0) : Json()},
                {"phase_name", phase.name},
                {"phase_kind", phase.name},
                {"start_ns", or_null(phase.start_ns)},
                {"sent_end_ns", or_null(phase.sent_end_ns)},
                {"requests_end_ns", or_null(phase.requests_end_ns)},
                {"baseline_start_ns", nullptr},
                {"baseline_end_ns", nullptr},
                {"total_expected_requests", or_null(phase.requests_asked)},
                {"expected_duration_sec", or_null(phase.duration_asked_s)},
                {"expected_num_sessions", or_null(phase.sessions_asked)},
                {"expected_grace_period_sec", or_null(phase.grace_asked_s)},
                {"final_requests_sent", finally(phase.sent)},
                {"final_requests_completed", finally(phase.completed)},
                {"final_requests_cancelled", finally(phase.cancelled)},
                {"final_request_errors", finally(phase.errors)},
                {"final_sent_sessions", finally(phase.sessions_sent)},
                {"final_completed_sessions", finally(phase.sessions_completed)},
                {"final_cancelled_sessions", finally(phase.sessions_sent - phase.sessions_completed)},
                {"timeout_triggered", phase.timeout_triggered},
                {"grace_period_timeout_triggered", phase.grace_timeout_triggered},
                {"was_cancelled", phase.was_cancelled},
                {"records_end_ns", or_null(phase.requests_end_ns)},
                {"success_records", phase.completed - phase.errors},
                {"error_records", phase.errors},
                {"requests_sent", phase.sent},
                {"requests_completed", phase.completed},
                {"requests_cancelled", phase.cancelled},
                {"request_errors", phase.errors},
                {"sent_sessions", phase.sessions_sent},
                {"completed_sessions", phase.sessions_completed},
                {"cancelled_sessions", over ? phase.sessions_sent - phase.sessions_completed : 0},
                {"total_session_turns", phase.sent},
                {"requests_per_second", number(phase.requests_per_second)},
                {"records_per_second", number(phase.requests_per_second)},
                {"requests_eta_sec", or_null(phase.eta_s)},
                {"records_eta_sec", or_null(phase.eta_s)},
                {"last_update_ns", updated_at_ns}};
}

Json task_stats_json(std::uint64_t total, std::uint64_t failed, std::uint64_t completed) {
    return Json{{"total", total}, {"failed", failed}, {"completed", completed}};
}

Json metric_json(const MetricSnapshot& metric) {
    Json out{{"unit", metric.unit}};
    for (const auto& entry : metric.statistics) {
        if (std::isfinite(entry.second)) {
            out[entry.first] = statistic(entry);
        }
    }
    out["header"] = metric.header;
    return out;
}

std::vector<MetricSnapshot> snapshots(const metric::Summary& summary) {
    std::vector<MetricSnapshot> out;
    for (const metric::Metric& metric : summary.metrics) {
        const metric::Definition& definition = *metric.definition;
        if (!definition.has(metric::metric_flag::hidden)) {
            out.push_back({std::string(definition.tag),
                           std::string(definition.header),
                           std::string(definition.unit.display),
                           statistics_of(metric.statistics)});
        }
    }
    return out;
}

std::string results_json(const metric::Summary& summary, bool was_cancelled, const std::string& incomplete_reason) {
    Json records = Json::array();
    for (const MetricSnapshot& metric : snapshots(summary)) {
        records.push_back(result_record(metric));
    }
    return text_of(Json{{"records", std::move(records)},
                        {"warmup_records", nullptr},
                        {"timeslices", nullptr},
                        {"total_expected", nullptr},
                        {"completed", summary.valid + summary.failed},
                        {"start_ns", summary.start_wall_ns},
                        {"end_ns", summary.end_wall_ns},
                        {"was_cancelled", was_cancelled},
                        {"is_complete", !was_cancelled && incomplete_reason.empty()},
                        {"incomplete_reason", incomplete_reason.empty() ? Json() : Json(incomplete_reason)},
                        {"successful_request_count", summary.valid},
                        {"error_request_count", summary.failed},
                        {"error_summary", error_summary(summary)},
                        {"branch_stats", nullptr},
                        {"context_overflow_count", 0},
                        {"phase_records", nullptr},
                        {"pooled_spec_decode_acceptance_histogram", nullptr}});
}

std::string status_body_json(const RunFacts& facts, Status status, std::uint64_t seq, const Ending* ending) {
    Json out{{"status", to_string(status)}, {"results", nullptr}, {"error", nullptr}};
    if (ending != nullptr && !ending->results_json.empty()) {
        out["results"] = Json{{"results", Json::parse(ending->results_json)}, {"errors", Json::array()}};
    }
    if (ending != nullptr && ending->error) {
        out["error"] = Json{{"type", ending->error->type}, {"message", ending->error->message}};
    }
    out["exit_code"] = ending == nullptr ? Json() : Json(ending->exit_code);
    out["run_id"] = facts.run_id;
    out["pid"] = facts.pid;
    out["seq"] = seq;
    out["started_at"] = utc_text(facts.started_at_ns);
    return text_of(out);
}

std::string progress_json(const RunState::View& view) {
    Json phases = Json::object();
    for (std::size_t i = 0; i < view.progress.phases.size(); ++i) {
        const PhaseProgress& phase = view.progress.phases[i];
        phases[phase.name] = phase_json(phase, i, view.progress.updated_at_ns);
    }
    const std::size_t workers = view.progress.workers.size();
    return text_of(Json{{"phases", std::move(phases)},
                        {"workers",
                         {{"ready", workers},
                          {"total", workers},
                          {"dispatchable", workers},
                          {"router_connected", workers},
                          {"ready_record_processors", 0},
                          {"declared_record_processors", 0},
                          {"ready_pods", 0},
                          {"total_pods", 0},
                          {"degraded_pods", 0}}},
                        {"results_exported", view.status != Status::running},
                        {"system_state", to_string(view.progress.system_state)}});
}

std::string workers_json(const RunState::View& view) {
    Json workers = Json::object();
    WorkerProgress all;
    for (const WorkerProgress& worker : view.progress.workers) {
        workers[worker.id] = worker_json(worker, view.progress.updated_at_ns);
        all.total += worker.total;
        all.failed += worker.failed;
        all.completed += worker.completed;
    }
    const std::size_t count = view.progress.workers.size();
    Json group{{"group_id", "local"},
               {"status", count == 0 ? "idle" : "healthy"},
               {"startup_state", nullptr},
               {"declared_workers", count},
               {"ready_workers", count},
               {"health", nullptr},
               {"task_stats", task_stats_json(all.total, all.failed, all.completed)},
               {"workers", workers},
               {"last_update_ns", count == 0 ? Json() : Json(view.progress.updated_at_ns)}};
    return text_of(Json{{"workers", std::move(workers)}, {"worker_groups", {{"local", std::move(group)}}}});
}

std::string metrics_json(const RunFacts& facts, const RunState::View& view) {
    Json metrics = Json::object();
    for (const MetricSnapshot& metric : view.progress.metrics) {
        metrics[metric.tag] = metric_json(metric);
    }
    return text_of(Json{{"aiperf_version", base::version()},
                        {"benchmark_id", facts.run_id},
                        {"model", facts.model},
                        {"endpoint_type", facts.endpoint_type},
                        {"streaming", facts.streaming},
                        {"concurrency", or_null(facts.concurrency)},
                        {"request_rate", or_null(facts.request_rate)},
                        {"metrics", std::move(metrics)}});
}

std::string run_json(const RunFacts& facts) {
    Json out{{"benchmark_id", facts.run_id}};
    if (facts.random_seed) {
        out["random_seed"] = *facts.random_seed;
    }
    out["trial"] = 0;
    if (!facts.cli_command.empty()) {
        out["cli_command"] = facts.cli_command;
    }
    return text_of(out);
}

std::string detail_json(const std::string& text) {
    return text_of(Json{{"detail", text}});
}

}  // namespace aiperf::api
