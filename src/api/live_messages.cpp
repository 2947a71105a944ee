#include "live_messages.hpp"

#include "body_json.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace aiperf::api {

namespace {

using Json = nlohmann::ordered_json;

Json without_nulls(const Json& value) {
    if (!value.is_object()) {
        return value;
    }
    Json out = Json::object();
    for (const auto& [key, member] : value.items()) {
        if (!member.is_null()) {
            out[key] = without_nulls(member);
        }
    }
    return out;
}

/// The services of AIPerf that send these messages; here they are all the run itself.
constexpr const char* k_controller = "system_controller";
constexpr const char* k_timing = "timing_manager";
constexpr const char* k_records = "records_manager";
constexpr const char* k_workers = "worker_manager";

bool has_ended(const RunState::View& view) noexcept {
    return view.status != Status::running;
}

/// Every request of every phase is over, and no other phase will follow.
bool is_through(const Progress& progress) noexcept {
    const auto over = [](const PhaseProgress& phase) { return phase.requests_end_ns.has_value(); };
    return !progress.phases.empty() && progress.system_state >= SystemState::processing &&
           std::all_of(progress.phases.begin(), progress.phases.end(), over);
}

auto counts_of(const PhaseProgress& phase) noexcept {
    return std::tuple(phase.sent, phase.completed, phase.errors, phase.cancelled, phase.sessions_completed);
}

auto counts_of(const WorkerProgress& worker) noexcept {
    return std::tuple(worker.pid, worker.total, worker.completed, worker.failed);
}

auto stage_of(const PhaseProgress& phase) noexcept {
    return std::tuple(phase.start_ns.has_value(), phase.sent_end_ns.has_value(), phase.requests_end_ns.has_value());
}

/// Entry `at`, or one in which nothing has happened yet.
template <class Entry>
const Entry& entry(const std::vector<Entry>& all, std::size_t at) noexcept {
    static const Entry none{};
    return at < all.size() ? all[at] : none;
}

class Difference {
public:
    Difference(const RunFacts& facts, const RunState::View& before, const RunState::View& after)
        : facts_(facts),
          before_(before),
          after_(after) {}

    std::vector<LiveMessage> take() {
        const bool late_state = after_.progress.system_state >= SystemState::processing;
        if (!late_state) {
            state();
        }
        for (std::size_t i = 0; i < after_.progress.phases.size(); ++i) {
            phase(i);
        }
        const bool now_through = !is_through(before_.progress) && is_through(after_.progress);
        if (now_through) {
            add("credits_complete", k_timing, Json::object());
        }
        if (late_state) {
            state();
        }
        workers();
        metrics();
        if (now_through) {
            add("all_records_received",
                k_records,
                {{"request_ns", after_.progress.updated_at_ns},
                 {"final_processing_stats", stats(after_.progress.phases.size() - 1)}});
        }
        if (has_ended(after_)) {
            end();
        }
        return std::move(out_);
    }

private:
    void add(std::string_view type, std::string_view service, const Json& fields) {
        Json message{{"message_type", type}, {"service_id", service}};
        message.update(without_nulls(fields));
        out_.push_back({std::string(type), text_of(message)});
    }

    [[nodiscard]] Json stats(std::size_t at) const {
        return phase_json(after_.progress.phases[at], at, after_.progress.updated_at_ns);
    }

    void state() {
        if (before_.progress.system_state != after_.progress.system_state) {
            add("system_state_changed", k_controller, {{"state", to_string(after_.progress.system_state)}});
        }
    }

    void phase(std::size_t at) {
        const PhaseProgress& was = entry(before_.progress.phases, at);
        const PhaseProgress& is = after_.progress.phases[at];
        const auto tell = [&](bool happened, std::string_view type) {
            if (happened) {
                add(type, k_timing, {{"stats", stats(at)}});
            }
        };
        tell(!was.start_ns && is.start_ns, "credit_phase_start");
        tell(counts_of(was) != counts_of(is), "credit_phase_progress");
        tell(!was.sent_end_ns && is.sent_end_ns, "credit_phase_sending_complete");
        tell(!was.requests_end_ns && is.requests_end_ns, "credit_phase_complete");
        if (was.completed != is.completed) {
            add("processing_stats",
                k_records,
                {{"request_ns", after_.progress.updated_at_ns},
                 {"processing_stats", stats(at)},
                 {"worker_stats", worker_stats()}});
        }
    }

    [[nodiscard]] Json worker_stats() const {
        Json out = Json::object();
        for (const WorkerProgress& worker : after_.progress.workers) {
            out[worker.id] = {{"success_records", worker.completed - std::min(worker.failed, worker.completed)},
                              {"error_records", worker.failed}};
        }
        return out;
    }

    void workers() {
        const std::vector<WorkerProgress>& all = after_.progress.workers;
        bool other_status = all.size() != before_.progress.workers.size();
        Json statuses = Json::object();
        for (std::size_t i = 0; i < all.size(); ++i) {
            const WorkerProgress& was = entry(before_.progress.workers, i);
            other_status = other_status || was.status != all[i].status || was.id != all[i].id;
            statuses[all[i].id] = all[i].status;
            if (counts_of(was) != counts_of(all[i])) {
                add("worker_health",
                    all[i].id,
                    {{"health", {{"pid", all[i].pid}}},
                     {"task_stats", task_stats_json(all[i].total, all[i].failed, all[i].completed)}});
            }
        }
        if (other_status) {
            add("worker_status_summary",
                k_workers,
                {{"worker_statuses", std::move(statuses)}, {"worker_startup_states", Json::object()}});
        }
    }

    void metrics() {
        const std::vector<MetricSnapshot>& all = after_.progress.metrics;
        if (all.empty() || all == before_.progress.metrics) {
            return;
        }
        Json list = Json::array();
        for (const MetricSnapshot& metric : all) {
            Json& one = list.emplace_back(metric_json(metric));
            one["tag"] = metric.tag;
        }
        add("realtime_metrics", k_records, {{"metrics", std::move(list)}});
    }

    void end() {
        const Json body = Json::parse(after_.status_body);
        if (!body.at("results").is_null()) {
            add("process_records_result", k_records, {{"results", body.at("results")}});
        }
        add("results_exported",
            k_controller,
            {{"partial", after_.partial}, {"failed_exporters", after_.failed_exporters}});
        add(k_end_type,
            k_controller,
            {{"was_cancelled", after_.status == Status::cancelled},
             {"status", body.at("status")},
             {"exit_code", body.at("exit_code")},
             {"error", body.at("error")},
             {"run_id", facts_.run_id},
             {"seq", after_.seq}});
    }

    const RunFacts& facts_;
    const RunState::View& before_;
    const RunState::View& after_;
    std::vector<LiveMessage> out_;
};

}  // namespace

std::vector<LiveMessage> live_messages(const RunFacts& facts,
                                       const RunState::View& before,
                                       const RunState::View& after) {
    return has_ended(before) ? std::vector<LiveMessage>{} : Difference(facts, before, after).take();
}

bool is_turn(const RunState::View& before, const RunState::View& after) noexcept {
    const Progress& was = before.progress;
    const Progress& is = after.progress;
    const auto same_stage = [](const PhaseProgress& a, const PhaseProgress& b) { return stage_of(a) == stage_of(b); };
    return before.status != after.status || was.system_state != is.system_state ||
           !std::equal(was.phases.begin(), was.phases.end(), is.phases.begin(), is.phases.end(), same_stage);
}

}  // namespace aiperf::api
