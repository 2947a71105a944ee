#include "live_messages.hpp"

#include "api_fixture.hpp"
#include "registry.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <iterator>
#include <set>

using namespace aiperf;
using api::live_messages;
using api::LiveMessage;
using api::PhaseProgress;
using api::RunState;
using api::SystemState;
using nlohmann::json;

namespace {

using Types = std::vector<std::string>;

const api::RunFacts& facts() {
    static const api::RunFacts facts = [] {
        api::RunFacts made;
        made.run_id = "0123456789ab";
        return made;
    }();
    return facts;
}

std::vector<LiveMessage> between(const RunState::View& before, const RunState::View& after) {
    return live_messages(facts(), before, after);
}

Types types(const std::vector<LiveMessage>& messages) {
    Types out;
    for (const LiveMessage& message : messages) {
        out.push_back(message.type);
    }
    return out;
}

/// The only message of that type.
json one(const std::vector<LiveMessage>& messages, const std::string& type) {
    json found;
    for (const LiveMessage& message : messages) {
        if (message.type == type) {
            REQUIRE(found.is_null());
            found = json::parse(message.json);
        }
    }
    CAPTURE(type);
    REQUIRE_FALSE(found.is_null());
    return found;
}

bool has_null(const json& value) {
    return value.is_null() || (value.is_object() && std::any_of(value.begin(), value.end(), has_null));
}

RunState::View in_state(SystemState state) {
    RunState::View view;
    view.progress.system_state = state;
    return view;
}

PhaseProgress phase(const std::string& name, std::uint64_t sent, std::uint64_t completed) {
    PhaseProgress out;
    out.name = name;
    out.start_ns = 100;
    out.sent = sent;
    out.completed = completed;
    return out;
}

PhaseProgress over(PhaseProgress phase) {
    phase.sent_end_ns = 200;
    phase.requests_end_ns = 300;
    return phase;
}

RunState::View profiling(std::vector<PhaseProgress> phases) {
    RunState::View view = in_state(SystemState::profiling);
    view.progress.phases = std::move(phases);
    view.progress.updated_at_ns = 1000;
    return view;
}

/// Where values are, lists left out: "stats/phase".
void paths_of(const json& value, const std::string& at, std::set<std::string>& out) {
    if (!value.is_object()) {
        out.insert(at);
        return;
    }
    for (const auto& [key, member] : value.items()) {
        paths_of(member, at + "/" + key, out);
    }
}

/// A view of a run that has ended, published for real.
RunState::View ended(api::Status status, std::optional<api::RunFailure> error = {}, bool with_results = true) {
    RunState state(facts());
    api::Ending ending;
    ending.status = status;
    ending.error = std::move(error);
    ending.exit_code = status == api::Status::complete ? 0 : 1;
    ending.partial = status == api::Status::incomplete;
    if (ending.partial) {
        ending.failed_exporters = {"profile_export.jsonl"};
    }
    if (with_results) {
        ending.results_json = api::results_json(metric::Summary{}, status == api::Status::cancelled);
    }
    state.publish(ending);
    return state.view();
}

}  // namespace

TEST_CASE("between equal views nothing has happened") {
    const RunState::View view = profiling({phase("profiling", 5, 4)});
    REQUIRE(between(view, view).empty());
    REQUIRE(between({}, {}).empty());
    RunState::View later = view;
    later.progress.updated_at_ns = 2000;
    later.progress.phases[0].requests_per_second = 3.0;
    REQUIRE(between(view, later).empty());
    REQUIRE_FALSE(api::is_turn(view, later));
}

TEST_CASE("each step of the system is told with its word") {
    for (const SystemState state : {SystemState::configuring,
                                    SystemState::ready,
                                    SystemState::profiling,
                                    SystemState::processing,
                                    SystemState::stopping,
                                    SystemState::shutdown}) {
        const json message = one(between({}, in_state(state)), "system_state_changed");
        REQUIRE(message == json{{"message_type", "system_state_changed"},
                                {"service_id", "system_controller"},
                                {"state", api::to_string(state)}});
        REQUIRE(api::is_turn({}, in_state(state)));
    }
}

TEST_CASE("a phase is told from its start to its end") {
    const RunState::View none = in_state(SystemState::profiling);
    const RunState::View begun = profiling({phase("profiling", 0, 0)});
    REQUIRE(types(between(none, begun)) == Types{"credit_phase_start"});
    REQUIRE(api::is_turn(none, begun));
    const RunState::View under_way = profiling({phase("profiling", 5, 3)});
    REQUIRE(types(between(begun, under_way)) == Types{"credit_phase_progress", "processing_stats"});
    REQUIRE_FALSE(api::is_turn(begun, under_way));
    RunState::View sent = under_way;
    sent.progress.phases[0].sent_end_ns = 200;
    REQUIRE(types(between(under_way, sent)) == Types{"credit_phase_sending_complete"});
    REQUIRE(api::is_turn(under_way, sent));
    RunState::View through = sent;
    through.progress.phases[0].requests_end_ns = 300;
    REQUIRE(types(between(sent, through)) == Types{"credit_phase_complete"});
    REQUIRE(api::is_turn(sent, through));
    through.progress.system_state = SystemState::processing;
    REQUIRE(types(between(sent, through)) ==
            Types{"credit_phase_complete", "credits_complete", "system_state_changed", "all_records_received"});
}

TEST_CASE("a phase seen at its end only is told whole, in order") {
    RunState::View view = profiling({over(phase("profiling", 5, 5))});
    view.progress.system_state = SystemState::processing;
    REQUIRE(types(between({}, view)) == Types{"credit_phase_start",
                                              "credit_phase_progress",
                                              "credit_phase_sending_complete",
                                              "credit_phase_complete",
                                              "processing_stats",
                                              "credits_complete",
                                              "system_state_changed",
                                              "all_records_received"});
}

TEST_CASE("each count of a phase that moves is a progress") {
    const RunState::View before = profiling({phase("profiling", 5, 3)});
    const auto types_with = [&](auto change) {
        RunState::View after = before;
        change(after.progress.phases[0]);
        return types(between(before, after));
    };
    REQUIRE(types_with([](PhaseProgress& p) { ++p.sent; }) == Types{"credit_phase_progress"});
    REQUIRE(types_with([](PhaseProgress& p) { ++p.errors; }) == Types{"credit_phase_progress"});
    REQUIRE(types_with([](PhaseProgress& p) { ++p.cancelled; }) == Types{"credit_phase_progress"});
    REQUIRE(types_with([](PhaseProgress& p) { ++p.sessions_completed; }) == Types{"credit_phase_progress"});
    REQUIRE(types_with([](PhaseProgress& p) { ++p.completed; }) == Types{"credit_phase_progress", "processing_stats"});
}

TEST_CASE("the end of a warm-up is not the end of the credits") {
    const RunState::View warm = profiling({phase("warmup", 5, 4)});
    const RunState::View next = profiling({over(phase("warmup", 5, 5)), phase("profiling", 1, 0)});
    const auto messages = between(warm, next);
    REQUIRE(types(messages) == Types{"credit_phase_progress",
                                     "credit_phase_sending_complete",
                                     "credit_phase_complete",
                                     "processing_stats",
                                     "credit_phase_start",
                                     "credit_phase_progress"});
    REQUIRE(json::parse(messages[0].json)["stats"]["phase"] == "warmup");
    const json start = json::parse(messages[4].json)["stats"];
    REQUIRE(start["phase"] == "profiling");
    REQUIRE(start["phase_index"] == 1);
}

TEST_CASE("a run that ends without a request has no credits that are complete") {
    RunState::View view = in_state(SystemState::processing);
    REQUIRE(types(between({}, view)) == Types{"system_state_changed"});
}

TEST_CASE("workers are told where they have moved, and their statuses together") {
    RunState::View before = in_state(SystemState::profiling);
    RunState::View after = before;
    after.progress.workers = {{"worker_0", 4711, "healthy", 8, 6, 1}, {"worker_1", 4712, "idle", 0, 0, 0}};
    const auto messages = between(before, after);
    REQUIRE(types(messages) == Types{"worker_health", "worker_health", "worker_status_summary"});
    REQUIRE(json::parse(messages[0].json) == json{{"message_type", "worker_health"},
                                                  {"service_id", "worker_0"},
                                                  {"health", {{"pid", 4711}}},
                                                  {"task_stats", {{"total", 8}, {"failed", 1}, {"completed", 6}}}});
    REQUIRE(json::parse(messages[2].json)["worker_statuses"] == json{{"worker_0", "healthy"}, {"worker_1", "idle"}});
    RunState::View moved = after;
    moved.progress.workers[1].total = 1;
    REQUIRE(types(between(after, moved)) == Types{"worker_health"});
    REQUIRE(one(between(after, moved), "worker_health")["service_id"] == "worker_1");
    moved.progress.workers[0].status = "stale";
    REQUIRE(types(between(after, moved)) == Types{"worker_health", "worker_status_summary"});
}

TEST_CASE("processing stats have the good and the bad of each worker") {
    RunState::View after = profiling({phase("profiling", 9, 8)});
    after.progress.phases[0].errors = 2;
    after.progress.workers = {{"worker_0", 1, "healthy", 9, 8, 2}};
    const json message = one(between(profiling({phase("profiling", 0, 0)}), after), "processing_stats");
    REQUIRE(message["request_ns"] == 1000);
    REQUIRE(message["processing_stats"]["success_records"] == 6);
    REQUIRE(message["processing_stats"]["error_records"] == 2);
    REQUIRE(message["worker_stats"] == json{{"worker_0", {{"success_records", 6}, {"error_records", 2}}}});
}

TEST_CASE("metrics are told when one has changed") {
    RunState::View before = in_state(SystemState::profiling);
    RunState::View after = before;
    after.progress.metrics = {{"request_latency", "Request Latency", "ms", {{"avg", 2.5}, {"count", 4.0}}}};
    REQUIRE(one(between(before, after), "realtime_metrics")["metrics"] ==
            json::parse(R"([{"unit":"ms","avg":2.5,"count":4,"header":"Request Latency","tag":"request_latency"}])"));
    REQUIRE(between(after, after).empty());
    RunState::View later = after;
    later.progress.metrics[0].statistics[0].second = 3.0;
    REQUIRE(types(between(after, later)) == Types{"realtime_metrics"});
    REQUIRE(between(after, before).empty());
}

TEST_CASE("the end of a run brings its results, then what was exported, then the last message") {
    const auto messages = between({}, ended(api::Status::complete));
    REQUIRE(types(messages) == Types{"process_records_result", "results_exported", "benchmark_complete"});
    REQUIRE(json::parse(messages[0].json)["results"]["results"]["is_complete"] == true);
    REQUIRE(json::parse(messages[1].json)["failed_exporters"] == json::array());
    REQUIRE(json::parse(messages[2].json) == json{{"message_type", "benchmark_complete"},
                                                  {"service_id", "system_controller"},
                                                  {"was_cancelled", false},
                                                  {"status", "complete"},
                                                  {"exit_code", 0},
                                                  {"run_id", "0123456789ab"},
                                                  {"seq", 2}});
    REQUIRE(messages[2].is_end());
    REQUIRE_FALSE(messages[1].is_end());
    REQUIRE(api::is_turn({}, ended(api::Status::complete)));
}

TEST_CASE("an end that is not a success says which, and why") {
    const json cancelled = one(between({}, ended(api::Status::cancelled)), "benchmark_complete");
    REQUIRE(cancelled["was_cancelled"] == true);
    REQUIRE(cancelled["status"] == "cancelled");
    const auto messages = between({}, ended(api::Status::incomplete, {{"RunError", "no space"}}, false));
    REQUIRE(types(messages) == Types{"results_exported", "benchmark_complete"});
    REQUIRE(one(messages, "results_exported")["partial"] == true);
    REQUIRE(one(messages, "results_exported")["failed_exporters"] == json{"profile_export.jsonl"});
    const json last = one(messages, "benchmark_complete");
    REQUIRE(last["error"] == json{{"type", "RunError"}, {"message", "no space"}});
    REQUIRE(last["exit_code"] == 1);
}

TEST_CASE("after the end nothing is told any more") {
    const RunState::View end = ended(api::Status::complete);
    RunState::View later = end;
    later.progress.system_state = SystemState::stopping;
    later.progress.phases = {phase("profiling", 1, 1)};
    REQUIRE(between(end, later).empty());
}

TEST_CASE("every message has its type and a sender, no nulls, and a type that is known") {
    RunState::View last = ended(api::Status::incomplete, {{"RunError", "no \xff space"}});
    last.progress = profiling({over(phase("warmup", 2, 2)), over(phase("profiling", 5, 5))}).progress;
    last.progress.system_state = SystemState::processing;
    last.progress.workers = {{"worker_0", 4711, "healthy", 8, 6, 1}};
    last.progress.metrics = {{"request_latency", "Request Latency", "ms", {{"avg", 2.5}}}};
    std::set<std::string> seen;
    for (const LiveMessage& message : between({}, last)) {
        const json body = json::parse(message.json);
        REQUIRE(body["message_type"] == message.type);
        REQUIRE(body["service_id"].is_string());
        if (message.type != "process_records_result") {
            REQUIRE_FALSE(has_null(body));
        }
        REQUIRE(message.json.find('\n') == std::string::npos);
        seen.insert(message.type);
    }
    REQUIRE(seen == std::set<std::string>(api::k_live_types.begin(), api::k_live_types.end()));
}

TEST_CASE("messages have every field of those that AIPerf was recorded to send, but for its own processes' and bus's") {
    const std::set<std::string> not_here{"worker_health/health/cpu_times",
                                         "worker_health/health/cpu_usage",
                                         "worker_health/health/create_time",
                                         "worker_health/health/io_counters",
                                         "worker_health/health/memory_usage",
                                         "worker_health/health/num_ctx_switches",
                                         "worker_health/health/num_threads",
                                         "worker_health/health/uptime",
                                         // the engine's own baselines
                                         "credit_phase_complete/stats/baseline_end_ns",
                                         "credit_phase_complete/stats/baseline_start_ns",
                                         "all_records_received/final_processing_stats/baseline_end_ns",
                                         "all_records_received/final_processing_stats/baseline_start_ns"};
    RunState::View last = ended(api::Status::complete);
    last.progress = profiling({over(phase("profiling", 12, 12))}).progress;
    last.progress.phases[0].requests_asked = 12;
    last.progress.system_state = SystemState::processing;
    last.progress.workers = {{"worker_59caba9d", 4711, "idle", 12, 12, 0}};
    const auto messages = between({}, last);
    std::set<std::string> missing;
    const json recorded = json::parse(test::read_test_file("golden/api/web_socket.json"));
    for (const auto& [type, theirs] : recorded["messages"].items()) {
        std::set<std::string> wanted;
        std::set<std::string> there;
        paths_of(theirs, type, wanted);
        paths_of(one(messages, type), type, there);
        std::set_difference(
            wanted.begin(), wanted.end(), there.begin(), there.end(), std::inserter(missing, missing.end()));
    }
    REQUIRE(missing == not_here);
}
