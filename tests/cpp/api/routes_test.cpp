#include "routes.hpp"

#include "aiperf/metric/definitions.hpp"
#include "api_fixture.hpp"
#include "registry.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <sstream>

using namespace aiperf;
using namespace std::chrono_literals;
using api::Answer;
using api::Request;
using api::Status;
using nlohmann::json;

namespace {

struct Fixture {
    test::ApiRun run;
    bool shutdown_asked = false;
    api::Routes routes{run.state, {300s, [this] { return shutdown_asked = true; }}};

    Answer get(const std::string& target, const std::string& method = "GET", bool may_wait = true) {
        return routes.answer({method, target, {}}, may_wait, false);
    }

    json body(const std::string& target) { return json::parse(get(target).body); }
};

std::string header(const Answer& answer, const std::string& name) {
    for (const auto& [key, value] : answer.headers) {
        if (key == name) {
            return value;
        }
    }
    return "";
}

/// Members that AIPerf's body has and ours has not, at any depth; entries of lists by their first one.
void missing(const json& theirs, const json& ours, const std::string& at, std::vector<std::string>& out) {
    if (theirs.is_object()) {
        for (const auto& [key, value] : theirs.items()) {
            if (!ours.is_object() || !ours.contains(key)) {
                out.push_back(at + "/" + key);
            } else {
                missing(value, ours[key], at + "/" + key, out);
            }
        }
    } else if (theirs.is_array() && !theirs.empty() && ours.is_array() && !ours.empty()) {
        missing(theirs[0], ours[0], at + "/0", out);
    }
}

std::vector<std::string> missing(json theirs, const json& ours) {
    std::vector<std::string> out;
    missing(theirs, ours, "", out);
    return out;
}

json golden(const std::string& state, const std::string& route) {
    static const json states = json::parse(test::read_test_file("golden/api/states.json"));
    return states[state][route]["json"];
}

json renamed_worker(json body) {
    // The ids are AIPerf's own; ours is in the fixture.
    std::string text = body.dump();
    const std::string id = body["workers"].begin().key();
    for (std::size_t at = text.find(id); at != std::string::npos; at = text.find(id, at)) {
        text.replace(at, id.size(), "worker_0");
    }
    return json::parse(text);
}

}  // namespace

TEST_CASE("a running benchmark's bodies have the members AIPerf's have") {
    Fixture f;
    f.run.progress();
    for (const char* const route : {"/api/results", "/api/results/list", "/api/progress", "/api/metrics", "/api/run"}) {
        CAPTURE(route);
        REQUIRE(f.get(route).status == 200);
        REQUIRE(missing(golden("running", route), f.body(route)) == std::vector<std::string>{});
    }
    // The health of a process is more than is measured here: its id is.
    for (const std::string& name : missing(renamed_worker(golden("running", "/api/workers")), f.body("/api/workers"))) {
        CAPTURE(name);
        REQUIRE(name.find("/health/") != std::string::npos);
    }
    json latency = golden("realtime", "/api/metrics");
    for (const char* const absent : {"p1", "p5", "p10", "p25", "p75", "p90", "p95", "min", "max", "std"}) {
        latency["metrics"]["request_latency"].erase(absent);
    }
    latency["metrics"].erase("request_count");
    REQUIRE(missing(latency, f.body("/api/metrics")) == std::vector<std::string>{});
}

TEST_CASE("a benchmark that is being prepared has the bodies AIPerf has then") {
    Fixture f;
    for (const char* const route : {"/api/results", "/api/results/list", "/api/progress", "/api/workers", "/api/run"}) {
        CAPTURE(route);
        REQUIRE(missing(golden("starting", route), f.body(route)) == std::vector<std::string>{});
    }
    REQUIRE(f.body("/api/progress")["phases"] == json::object());
    REQUIRE(f.body("/api/results/list")["files"] == json::array());
}

TEST_CASE("terminal bodies have the members AIPerf's have") {
    for (const auto& [status, name] : {std::pair{Status::complete, "complete"}, {Status::cancelled, "cancelled"}}) {
        Fixture f;
        f.run.progress();
        f.run.write("inputs.json", "{}");
        f.run.finish(status);
        for (const char* const route : {"/api/results", "/api/results/list", "/api/progress", "/api/metrics"}) {
            CAPTURE(name, route);
            REQUIRE(missing(golden(name, route), f.body(route)) == std::vector<std::string>{});
        }
        REQUIRE(f.body("/api/results")["status"] == name);
        REQUIRE(f.body("/api/results")["results"]["results"]["was_cancelled"] == (status == Status::cancelled));
        REQUIRE(f.body("/api/progress")["results_exported"] == true);
    }
}

TEST_CASE("every statistic of a summary is in the results, and null where it does not exist") {
    metric::Summary summary;
    metric::Metric latency{metric::find_definition("request_latency"), {}};
    latency.statistics.scalar = false;
    latency.statistics.avg = 1.5;
    latency.statistics.count = 3;
    metric::Metric count{metric::find_definition("request_count"), {}};
    count.statistics.avg = 3;
    summary.metrics = {latency, count};
    summary.errors.push_back({{500, "HTTPError", "oops \xff"}, 2, 0});
    summary.valid = 3;
    summary.failed = 2;
    const json results = json::parse(api::results_json(summary, false, "late"));
    const json theirs = golden("complete", "/api/results")["results"]["results"];
    REQUIRE(missing(theirs, results) == std::vector<std::string>{});
    REQUIRE(results["records"][0]["avg"] == 1.5);
    REQUIRE(results["records"][0]["count"] == 3);
    REQUIRE(results["records"][1]["p99"].is_null());
    REQUIRE(results["records"][1]["tag"] == "request_count");
    REQUIRE(results["error_summary"][0]["count"] == 2);
    REQUIRE(results["error_summary"][0]["error_details"]["code"] == 500);
    REQUIRE(results["is_complete"] == false);
    REQUIRE(results["incomplete_reason"] == "late");
    REQUIRE(results["completed"] == 5);
}

TEST_CASE("an unknown path is 404 and a wrong method 405, both as JSON") {
    Fixture f;
    for (const char* const path : {"/", "/nope", "/api", "/api/results/", "/api/results/files", "/metrics/x", ""}) {
        CAPTURE(path);
        REQUIRE(f.get(path).status == 404);
        REQUIRE(f.body(path) == golden("running", "/nope"));
    }
    for (const char* const path : {"/api/results", "/api/results/list", "/healthz", "/api/results/files/a"}) {
        const Answer answer = f.get(path, "POST");
        REQUIRE(answer.status == 405);
        REQUIRE(json::parse(answer.body) == golden("running", "POST /api/results"));
        REQUIRE(header(answer, "Allow") == "GET, HEAD");
    }
    REQUIRE(f.get("/api/shutdown", "GET").status == 405);
    REQUIRE(header(f.get("/api/shutdown", "GET"), "Allow") == "POST");
    REQUIRE(f.get("/api/results", "HEAD").status == 200);
}

TEST_CASE("a poller of another run is told so") {
    Fixture f;
    REQUIRE(f.get("/api/results?run_id=0123456789ab").status == 200);
    const Answer answer = f.get("/api/results?wait=30&run_id=ba9876543210");
    REQUIRE(answer.status == 409);
    REQUIRE(json::parse(answer.body)["detail"] == "This is run 0123456789ab, not ba9876543210");
    REQUIRE(f.get("/healthz?run_id=x").status == 409);
    for (const char* const path : {"/api/results", "/nope", "/metrics", "/api/run"}) {
        REQUIRE(header(f.get(path), "X-AIPerf-Run-Id") == "0123456789ab");
    }
}

TEST_CASE("a long poll waits while the run lasts, 300 s at most, and not after it") {
    Fixture f;
    REQUIRE(f.get("/api/results?wait=30").wait == base::Nanoseconds(30s));
    REQUIRE(f.get("/api/results?wait=0.5").wait == base::Nanoseconds(500ms));
    REQUIRE(f.get("/api/results?wait=86400").wait == base::Nanoseconds(300s));
    REQUIRE_FALSE(f.get("/api/results?wait=0").wait);
    REQUIRE_FALSE(f.get("/api/results?wait=30", "GET", false).wait);
    for (const char* const bad : {"", "-1", "nan", "inf", "x", "1e999", "5s", "%"}) {
        CAPTURE(bad);
        REQUIRE(f.get(std::string("/api/results?wait=") + bad).status == 400);
    }
    f.run.finish();
    REQUIRE_FALSE(f.get("/api/results?wait=30").wait);
    REQUIRE(json::parse(f.get("/api/results?wait=30").body)["status"] == "complete");
}

TEST_CASE("a status that a client has already is not sent again") {
    Fixture f;
    const std::string running = header(f.get("/api/results"), "ETag");
    REQUIRE(f.routes.answer({"GET", "/api/results", running}, true, false).status == 304);
    REQUIRE(f.routes.answer({"GET", "/api/results", "\"x\", W/" + running}, true, false).body.empty());
    f.run.finish();
    REQUIRE(f.routes.answer({"GET", "/api/results", running}, true, false).status == 200);
    REQUIRE(header(f.get("/api/results"), "ETag") != running);
    const std::string file = header(f.get("/api/results/files/profile_export.jsonl"), "ETag");
    const Answer again = f.routes.answer({"GET", "/api/results/files/profile_export.jsonl", file}, true, false);
    REQUIRE(again.status == 304);
    REQUIRE(again.content == nullptr);
}

TEST_CASE("no file is listed or given before the terminal status, and all are after it") {
    Fixture f;
    f.run.write("profile_export.jsonl", "{}\n");
    f.run.write(report::k_ready_marker, "{}");
    REQUIRE(f.body("/api/results/list")["files"].empty());
    REQUIRE(f.body("/api/results/list")["ready"] == false);
    REQUIRE(f.get("/api/results/files/profile_export.jsonl").status == 404);
    f.run.finish();
    const json list = f.body("/api/results/list");
    REQUIRE(list["ready"] == true);
    REQUIRE(list["files"].size() == 3);
    for (const json& file : list["files"]) {
        const Answer answer = f.get("/api/results/files/" + file["name"].get<std::string>());
        REQUIRE(answer.status == 200);
        REQUIRE(answer.content->size() == file["size"].get<std::uint64_t>());
        REQUIRE(header(answer, "X-Filename") == file["name"]);
        REQUIRE(header(answer, "Content-Disposition") ==
                "attachment; filename=\"" + file["name"].get<std::string>() + "\"");
    }
    REQUIRE(f.get("/api/results/files/missing.json").status == 404);
    REQUIRE(f.body("/api/results/files/missing.json") == golden("complete", "/api/results/files/missing.json"));
}

TEST_CASE("an export that failed is listed as partial, with the names") {
    Fixture f;
    f.run.write("profile_export.jsonl", "{}\n");
    api::Ending ending;
    ending.status = Status::incomplete;
    ending.partial = true;
    ending.failed_exporters = {"profile_export_aiperf.json"};
    f.run.state.publish(ending);
    const json list = f.body("/api/results/list");
    REQUIRE(list["ready"] == false);
    REQUIRE(list["partial"] == true);
    REQUIRE(list["failed_exporters"] == json{"profile_export_aiperf.json"});
    REQUIRE(list["files"].size() == 1);
}

TEST_CASE("no path leads out of the artifact directory or to a hidden file") {
    Fixture f;
    const test::TemporaryDirectory outside;
    std::ofstream(outside.path() / "passwd") << "secret";
    const std::string out = outside.path().string();
    std::filesystem::create_symlink(outside.path() / "passwd", f.run.directory.path() / "link.json");
    std::filesystem::create_directory_symlink(outside.path(), f.run.directory.path() / "door");
    std::filesystem::create_directory_symlink("/", f.run.directory.path() / "root");
    std::filesystem::create_directory_symlink("..", f.run.directory.path() / "up");
    f.run.write("logs/run.log", "x");
    f.run.write(".aiperf_results_processing.json", "{}");
    f.run.finish();
    const std::string name = outside.path().filename().string();
    const std::vector<std::string> attempts{"../" + name + "/passwd",
                                            "..%2f" + name + "%2fpasswd",
                                            "%2e%2e/" + name + "/passwd",
                                            "%2e%2e%2f" + name + "%2fpasswd",
                                            "%2E%2E%2F" + name + "/passwd",
                                            ".%2e/" + name + "/passwd",
                                            "%2e./" + name + "/passwd",
                                            "..%252f" + name + "%252fpasswd",
                                            "%252e%252e%252f" + name + "%252fpasswd",
                                            "%25252e%25252e/" + name + "/passwd",
                                            "../../etc/passwd",
                                            "../../../../../../etc/passwd",
                                            "..%2f..%2fetc%2fpasswd",
                                            "logs/../../" + name + "/passwd",
                                            "logs/..%2f..%2f" + name + "%2fpasswd",
                                            "logs/../.aiperf_results_ready.json",
                                            "./.aiperf_results_ready.json",
                                            "/etc/passwd",
                                            "//etc/passwd",
                                            "%2fetc%2fpasswd",
                                            "%2f%2fetc%2fpasswd",
                                            out + "/passwd",
                                            "%2f" + out.substr(1) + "/passwd",
                                            "file://" + out + "/passwd",
                                            "link.json",
                                            "door/passwd",
                                            "door%2fpasswd",
                                            "root/etc/passwd",
                                            "root" + out + "/passwd",
                                            "up/" + name + "/passwd",
                                            "up/up/etc/passwd",
                                            "logs/../link.json",
                                            ".aiperf_results_ready.json",
                                            "%2eaiperf_results_ready.json",
                                            ".%61iperf_results_ready.json",
                                            ".aiperf_results_processing.json",
                                            "logs/.hidden",
                                            "..\\" + name + "\\passwd",
                                            "..%5c" + name + "%5cpasswd",
                                            "..%5c..%5cetc%5cpasswd",
                                            "link.json%00.txt",
                                            "%00",
                                            "profile_export.jsonl%00",
                                            "%00../" + name + "/passwd",
                                            "a%0a../passwd",
                                            "a%0d%0a",
                                            "..%c0%af" + name + "%c0%afpasswd",
                                            "%c0%ae%c0%ae/" + name + "/passwd",
                                            "..%ef%bc%8f" + name + "/passwd",
                                            "..;/" + name + "/passwd",
                                            ".../" + name + "/passwd",
                                            "..../" + name,
                                            "..%3b/" + name,
                                            "%",
                                            "%2",
                                            "%zz",
                                            std::string(300, 'a'),
                                            std::string(5000, 'a'),
                                            std::string(2000, '/'),
                                            "a/" + std::string(400, '.'),
                                            "logs",
                                            "logs/",
                                            "logs//run.log",
                                            "./profile_export.jsonl",
                                            "profile_export.jsonl/",
                                            "~/x",
                                            "~root",
                                            "profile_export.jsonl/../../" + name + "/passwd",
                                            "proc/self/environ",
                                            "root/proc/self/environ"};
    REQUIRE(attempts.size() >= 40);
    for (const std::string& attempt : attempts) {
        const Answer answer = f.get("/api/results/files/" + attempt);
        CAPTURE(attempt, answer.status);
        REQUIRE((answer.status == 400 || answer.status == 404));
        REQUIRE(answer.content == nullptr);
        REQUIRE(json::parse(answer.body).contains("detail"));
        REQUIRE(answer.body.size() < 8192);
    }
    REQUIRE(f.get("/api/results/files/logs/run.log").status == 200);
    REQUIRE(f.get("/api/results/files/..%2f..%2fetc%2fpasswd").status == 400);
    REQUIRE(f.get("/api/results/files/.aiperf_results_ready.json").status == 400);
    REQUIRE(f.get("/api/results/files/").status == 404);
    const json list = f.body("/api/results/list");
    for (const json& file : list["files"]) {
        REQUIRE(file["name"].get<std::string>().front() != '.');
        REQUIRE(file["name"] != "link.json");
    }
}

TEST_CASE("readiness is from profiling to the end of the hold, health is always") {
    Fixture f;
    REQUIRE(f.get("/healthz").body == "ok");
    REQUIRE(f.get("/readyz").status == 503);
    REQUIRE(f.get("/readyz").body == "not ready: initializing");
    f.run.state.set_system_state(api::SystemState::configuring);
    REQUIRE(f.get("/readyz").body == "not ready: configuring");
    f.run.state.set_system_state(api::SystemState::profiling);
    REQUIRE(f.get("/readyz").status == 200);
    f.run.state.set_system_state(api::SystemState::stopping);
    REQUIRE(f.get("/readyz").status == 503);
    f.run.finish();
    REQUIRE(f.get("/readyz").status == 200);
    REQUIRE(f.routes.answer({"GET", "/readyz", {}}, true, true).body == "not ready: closing");
}

TEST_CASE("a shutdown is refused while the run lasts, and asked of the owner after it") {
    Fixture f;
    const Answer early = f.get("/api/shutdown", "POST");
    REQUIRE(early.status == 409);
    REQUIRE(json::parse(early.body)["detail"] == "Benchmark is still running. Cannot shut down API service.");
    REQUIRE_FALSE(f.shutdown_asked);
    f.run.finish();
    const Answer answer = f.get("/api/shutdown", "POST");
    REQUIRE(answer.status == 200);
    REQUIRE(json::parse(answer.body) == json{{"status", "shutting_down"}});
    REQUIRE(f.shutdown_asked);
    const api::Routes without_owner(f.run.state, {});
    REQUIRE(without_owner.answer({"POST", "/api/shutdown", {}}, true, false).status == 409);
}

TEST_CASE("the configuration is given as the owner redacted it") {
    Fixture f;
    REQUIRE(f.body("/api/config") == json{{"endpoint", {{"apiKey", nullptr}}}});
    REQUIRE(f.body("/api/run") == json{{"benchmark_id", "0123456789ab"},
                                       {"random_seed", 42},
                                       {"trial", 0},
                                       {"cli_command", "aiperf-cpp profile"}});
}

TEST_CASE("Prometheus gets quantiles as a summary and the rest as gauges, with escaped labels") {
    Fixture f;
    f.run.progress();
    const std::string text = f.get("/metrics").body;
    const std::string labels =
        R"({benchmark_id="0123456789ab",model="mo\"del",endpoint_type="chat",streaming="true",concurrency="2")";
    for (const std::string& line : {std::string("# TYPE aiperf_info gauge"),
                                    "aiperf_info" + labels + ",version=\"",
                                    std::string("# HELP aiperf_request_latency_ms Request Latency (in ms)"),
                                    std::string("# TYPE aiperf_request_latency_ms summary"),
                                    "aiperf_request_latency_ms" + labels + R"(,quantile="0.5"} 2)",
                                    "aiperf_request_latency_ms" + labels + R"(,quantile="0.99"} 9.5)",
                                    "aiperf_request_latency_ms_sum" + labels + "} 25",
                                    "aiperf_request_latency_ms_count" + labels + "} 10",
                                    std::string("# HELP aiperf_request_latency_avg_ms Request Latency average (in ms)"),
                                    "aiperf_request_latency_avg_ms" + labels + "} 2.5",
                                    "aiperf_request_error_rate_avg_percent" + labels + "} 10"}) {
        CAPTURE(line, text);
        REQUIRE(text.find(line) != std::string::npos);
    }
    REQUIRE(f.get("/metrics").content_type == "text/plain; charset=utf-8");
    REQUIRE(text.back() == '\n');
}

TEST_CASE("with every metric there is, each Prometheus name has one HELP and one TYPE, and its samples follow them") {
    Fixture f;
    metric::Summary summary;
    for (const metric::Definition& definition : metric::definitions()) {
        for (const bool scalar : {true, false}) {
            if (scalar == (definition.kind == metric::Kind::aggregate || definition.kind == metric::Kind::derived)) {
                metric::Metric metric{&definition, {}};
                metric.statistics.scalar = scalar;
                summary.metrics.push_back(metric);
            }
        }
    }
    api::Progress progress;
    progress.metrics = api::snapshots(summary);
    f.run.state.set_progress(progress);
    std::istringstream lines(f.get("/metrics").body);
    std::set<std::string> heads;
    std::string name;
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        REQUIRE_FALSE(line.empty());
        if (line.starts_with("# ")) {
            std::istringstream words(line.substr(2));
            std::string kind;
            words >> kind >> name;
            REQUIRE(heads.insert(kind + " " + name).second);
            continue;
        }
        const std::string sample = line.substr(0, line.find('{'));
        REQUIRE((sample == name || sample == name + "_sum" || sample == name + "_count"));
        REQUIRE(sample.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos);
    }
    REQUIRE(heads.size() > 100);
}

TEST_CASE("any target, whole or cut anywhere, gets an answer and never a file from outside") {
    Fixture f;
    f.run.finish();
    const std::string target = "http://h:1/api/results/files/%2e%2e%2fx?wait=1&run_id=0123456789ab&&=&%zz=%";
    for (std::size_t size = 0; size <= target.size(); ++size) {
        for (std::size_t start = 0; start <= size; ++start) {
            const Answer answer = f.get(target.substr(start, size - start));
            REQUIRE(answer.status >= 200);
            REQUIRE(answer.content == nullptr);
        }
    }
}
