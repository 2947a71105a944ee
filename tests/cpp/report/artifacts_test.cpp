#include "aiperf/report/artifacts.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/ids.hpp"
#include "aiperf/metric/definitions.hpp"
#include "report_fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <sys/resource.h>
#include <time.h>

using namespace aiperf;
using test::GoldenRun;
using test::Json;

namespace {

const std::vector<std::string> k_cases{
    "chat_stream_usage",
    "chat_nonstream",
    "chat_stream_no_usage",
    "completions_stream",
    "completions_nonstream",
    "rate_poisson",
    "extra_inputs_headers",
    "server_token_count",
    "errors_mixed",
    "sigint_once",
    "chat_stream_reasoning",
};

using Keys = std::vector<std::string>;

Keys keys_of(const Json& object) {
    Keys out;
    for (const auto& item : object.items()) {
        out.push_back(item.key());
    }
    return out;
}

/// Keys up to and from `input_config`; metrics that we do not have left out.
std::pair<Keys, Keys> keys_around_run(const Json& summary) {
    std::pair<Keys, Keys> out;
    bool after = false;
    for (const std::string& key : keys_of(summary)) {
        after = after || key == "input_config";
        const Json& value = summary.at(key);
        const bool metric = value.is_object() && value.contains("unit");
        if (!metric || metric::find_definition(key) != nullptr) {
            (after ? out.second : out.first).push_back(key);
        }
    }
    return out;
}

std::string name_in_csv(std::string_view line) {
    return std::string(line.substr(0, line.find(',')));
}

/// The golden lines whose metric is one of ours, and the lines that carry no metric.
std::vector<std::string> ours_of(const std::vector<std::string>& golden) {
    std::set<std::string> names{"Metric", "\r"};
    for (const metric::Definition& definition : metric::definitions()) {
        const std::string unit(definition.unit.display);
        names.insert(std::string(definition.header) + (unit == "requests" ? "" : " (" + unit + ")"));
    }
    std::vector<std::string> out;
    std::copy_if(golden.begin(), golden.end(), std::back_inserter(out), [&](const std::string& line) {
        return names.count(name_in_csv(line)) == 1;
    });
    return out;
}

/// AIPerf takes these two from wall times in float64, good to 256 ns each; ours are exact, so a last digit may differ.
bool is_credit_metric(std::string_view line) {
    return line.rfind("Credit-to-Start", 0) == 0 || line.rfind("Effective Latency", 0) == 0;
}

std::vector<std::string> without_credit_metrics(std::vector<std::string> lines) {
    lines.erase(std::remove_if(lines.begin(), lines.end(), is_credit_metric), lines.end());
    return lines;
}

std::vector<std::string> names_of(const std::vector<std::string>& lines) {
    std::vector<std::string> out;
    std::transform(lines.begin(), lines.end(), std::back_inserter(out), name_in_csv);
    return out;
}

/// The text of one metric in a per-request line.
std::string metric_text(const std::string& line, const std::string& tag) {
    const std::size_t at = line.find("\"" + tag + "\":{");
    return at == std::string::npos ? std::string{} : line.substr(at, line.find('}', at) - at + 1);
}

/// Runs its scope with times shown in UTC.
class InUtc {
public:
    InUtc() {
        setenv("TZ", "UTC", 1);
        tzset();
    }

    ~InUtc() {
        unsetenv("TZ");
        tzset();
    }
};

std::vector<Json> lines_of(const std::filesystem::path& path) {
    std::vector<Json> out;
    for (const std::string& line : test::split_lines(test::read_file(path))) {
        out.push_back(Json::parse(line));
    }
    return out;
}

void check_error_summary(const Json& ours, const Json& golden) {
    REQUIRE(ours.size() == golden.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
        CHECK(ours[i].dump() == golden[i].dump());
    }
}

}  // namespace

TEST_CASE("the summary JSON has AIPerf's keys in AIPerf's order, and its configuration") {
    const InUtc utc;
    const GoldenRun run(GENERATE(from_range(k_cases)));
    INFO(run.golden.directory.filename().string());
    const test::TemporaryDirectory dir;
    report::write_artifacts(run.input(), dir.path());
    const Json ours = Json::parse(test::read_file(dir.path() / "profile_export_aiperf.json"));
    const Json& golden = run.golden.summary;
    auto [ours_before, ours_after] = keys_around_run(ours);
    auto [golden_before, golden_after] = keys_around_run(golden);
    CHECK(ours_before == golden_before);
    REQUIRE(ours_after.size() == golden_after.size());
    CHECK(std::equal(ours_after.begin(), ours_after.begin() + 7, golden_after.begin()));
    std::sort(ours_after.begin(), ours_after.end());
    std::sort(golden_after.begin(), golden_after.end());
    CHECK(ours_after == golden_after);
    for (const char* key : {"input_config",
                            "run_info",
                            "was_cancelled",
                            "is_complete",
                            "start_time",
                            "schema_version",
                            "aiperf_version",
                            "benchmark_id"}) {
        CHECK(ours.at(key).dump(2) == golden.at(key).dump(2));
    }
    CHECK(ours.at("end_time").get<std::string>().substr(0, 22) ==
          golden.at("end_time").get<std::string>().substr(0, 22));
    check_error_summary(ours.at("error_summary"), golden.at("error_summary"));
}

TEST_CASE("each metric of the summary JSON has AIPerf's members, order and number types") {
    const GoldenRun run(GENERATE(from_range(k_cases)));
    const test::TemporaryDirectory dir;
    report::write_artifacts(run.input(), dir.path());
    const std::string text = test::read_file(dir.path() / "profile_export_aiperf.json");
    const Json ours = Json::parse(text);
    for (const auto& [tag, value] : run.golden.summary.items()) {
        if (metric::find_definition(tag) == nullptr) {
            continue;
        }
        INFO(tag);
        Json shared = ours.at(tag);  // without what ours says beside AIPerf's statistics
        CHECK(shared.erase("intervals") == shared.erase("too_few_samples_for"));
        CHECK(keys_of(shared) == keys_of(value));
        for (const auto& [name, number] : value.items()) {
            CHECK(ours.at(tag).at(name).type() == number.type());
        }
    }
    CHECK(text.substr(0, 26) == "{\n  \"schema_version\": \"1.4");
    CHECK(text.substr(text.size() - 6) == "\n  }\n}");
}

TEST_CASE("the summary CSV is AIPerf's to the byte, for the metrics we have") {
    const GoldenRun run(GENERATE(from_range(k_cases)));
    const std::filesystem::path golden = run.golden.directory / "artifacts" / "profile_export_aiperf.csv";
    if (!std::filesystem::exists(golden)) {
        return;
    }
    INFO(golden.string());
    const test::TemporaryDirectory dir;
    report::write_artifacts(run.input(), dir.path());
    const auto ours = test::split_lines(test::read_file(dir.path() / "profile_export_aiperf.csv"));
    const auto expected = ours_of(test::split_lines(test::read_file(golden)));
    CHECK(names_of(ours) == names_of(expected));
    CHECK(without_credit_metrics(ours) == without_credit_metrics(expected));
}

TEST_CASE("per-request lines have AIPerf's metadata, and its metrics to the byte") {
    const GoldenRun run(GENERATE(from_range(k_cases)));
    INFO(run.golden.directory.filename().string());
    const test::TemporaryDirectory dir;
    report::write_artifacts(run.input(), dir.path());
    const auto ours_text = test::split_lines(test::read_file(dir.path() / "profile_export.jsonl"));
    const auto golden_text =
        test::split_lines(test::read_file(run.golden.directory / "artifacts/profile_export.jsonl"));
    REQUIRE(ours_text.size() == run.golden.rows.size());
    for (std::size_t i = 0; i < ours_text.size(); ++i) {
        const Json line = Json::parse(ours_text[i]);
        const Json& meta = line.at("metadata");
        const auto slot = meta.at("session_num").get<std::size_t>();
        const auto& slots = run.golden.slots;
        const auto at = static_cast<std::size_t>(std::find(slots.begin(), slots.end(), slot) - slots.begin());
        const Json& golden = run.golden.rows.at(at);
        INFO("request " << slot);
        CHECK(keys_of(line) == keys_of(golden));
        CHECK(keys_of(meta) == keys_of(golden.at("metadata")));
        for (const auto& [key, value] : golden.at("metadata").items()) {
            const bool id = key.rfind("x_", 0) == 0 || key.find("_id") == key.size() - 3;
            INFO(key);
            CHECK((meta.at(key) == value || (id && key != "conversation_id")));
        }
        for (const auto& item : line.at("metrics").items()) {
            INFO(item.key());
            CHECK(metric_text(ours_text[i], item.key()) == metric_text(golden_text[at], item.key()));
        }
    }
}

TEST_CASE("requests of a warm-up are exported with a phase of their own, numbered from its first slot") {
    GoldenRun run("chat_nonstream");
    record::RunInfo info = run.golden.info;
    info.phases.front().first_slot = 2;
    info.phases.insert(info.phases.begin(), record::PhaseInfo{"warmup", false, 0, 1, 2});
    auto rows = run.golden.record_rows;
    for (std::size_t slot = 2; slot < rows.size(); ++slot) {
        rows[slot].record.phase = 1;
    }
    rows[5].record.state = static_cast<std::uint16_t>(record::State::sent);
    run.records = record::MemoryRecordSet(info, rows);
    const test::TemporaryDirectory dir;
    report::write_artifacts(run.input(), dir.path());
    const auto lines = lines_of(dir.path() / "profile_export.jsonl");
    REQUIRE(lines.size() == 5);
    const Json& warm = lines[0].at("metadata");
    CHECK(warm.at("benchmark_phase") == "warmup");
    CHECK(warm.at("phase_index") == 0);
    CHECK_FALSE(warm.contains("profiling_index"));
    CHECK(warm.at("phase_kind") == "warmup");
    const Json& profiled = lines[2].at("metadata");
    CHECK(profiled.at("session_num") == 0);
    CHECK(profiled.at("x_request_id") == base::IdSource(info.run_key).request_id(2));
    CHECK(profiled.at("phase_index") == 1);
    CHECK(profiled.at("profiling_index") == 0);
}

TEST_CASE("per-request lines come in order of completion") {
    const GoldenRun run(GENERATE("chat_nonstream", "server_token_count", "chat_stream_usage"));
    const test::TemporaryDirectory dir;
    report::write_artifacts(run.input(), dir.path());
    std::vector<std::int64_t> ends;
    for (const Json& line : lines_of(dir.path() / "profile_export.jsonl")) {
        ends.push_back(line.at("metadata").at("request_end_ns").get<std::int64_t>());
    }
    CHECK(std::is_sorted(ends.begin(), ends.end()));
    CHECK(ends.size() == run.golden.rows.size());
}

TEST_CASE("per-request ids are those sent on the wire, service ids stable within a run") {
    const GoldenRun run("chat_stream_usage");
    const test::TemporaryDirectory dir;
    report::write_artifacts(run.input(), dir.path());
    const base::IdSource ids(run.records.info().run_key);
    std::set<std::string> workers;
    for (const Json& line : lines_of(dir.path() / "profile_export.jsonl")) {
        const Json& meta = line.at("metadata");
        const auto number = meta.at("session_num").get<std::uint64_t>();
        CHECK(meta.at("x_request_id") == ids.request_id(number));
        CHECK(meta.at("x_correlation_id") == ids.correlation_id(number));
        CHECK(meta.at("root_correlation_id") == ids.correlation_id(number));
        workers.insert(meta.at("worker_id").get<std::string>());
    }
    REQUIRE(workers.size() == 1);
    CHECK(workers.begin()->size() == std::string("worker_00000000").size());
}

TEST_CASE("a failed request has an error and no metric but its input length") {
    const GoldenRun run("errors_all");
    const test::TemporaryDirectory dir;
    report::write_artifacts(run.input(), dir.path());
    const auto ours = lines_of(dir.path() / "profile_export.jsonl");
    REQUIRE(ours.size() == run.golden.rows.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const Json& golden = run.golden.rows[i];
        CHECK(ours[i].at("metrics").dump() == golden.at("metrics").dump());
        CHECK(ours[i].at("error").dump() == golden.at("error").dump());
        CHECK(keys_of(ours[i].at("metadata")) == keys_of(golden.at("metadata")));
    }
    const Json summary = Json::parse(test::read_file(dir.path() / "profile_export_aiperf.json"));
    CHECK(summary.at("error_request_count").at("avg") == 5.0);
    CHECK_FALSE(summary.contains("request_count"));
}

TEST_CASE("inputs.json and the ready marker are AIPerf's to the byte") {
    const GoldenRun run(GENERATE("chat_stream_usage", "chat_nonstream", "completions_stream", "extra_inputs_headers"));
    const std::filesystem::path artifacts = run.golden.directory / "artifacts";
    const test::TemporaryDirectory dir;
    const auto written = report::write_artifacts(run.input(), dir.path());
    for (const char* name : {"inputs.json", ".aiperf_results_ready.json"}) {
        CHECK(test::read_file(dir.path() / name) == test::read_file(artifacts / name));
    }
    REQUIRE(written.size() == 5);
    CHECK(written.back() == dir.path() / ".aiperf_results_ready.json");
}

TEST_CASE("a cancelled run says so in summary and marker") {
    const GoldenRun run("sigint_once");
    const test::TemporaryDirectory dir;
    report::write_artifacts(run.input(), dir.path());
    CHECK(test::read_file(dir.path() / ".aiperf_results_ready.json") ==
          "{\"ready\":true,\"was_cancelled\":true,\"partial\":false}");
    report::ReportInput incomplete = run.input();
    incomplete.ending = report::Ending::incomplete;
    incomplete.error = "worker 1 died";
    report::write_artifacts(incomplete, dir.path());
    const Json summary = Json::parse(test::read_file(dir.path() / "profile_export_aiperf.json"));
    CHECK(summary.at("is_complete") == false);
    CHECK(summary.at("was_cancelled") == false);
    CHECK(summary.at("incomplete_reason") == "worker 1 died");
    CHECK(test::read_file(dir.path() / ".aiperf_results_ready.json").find("\"partial\":true") != std::string::npos);
}

TEST_CASE("a run that its own rule has stopped is cut short, and whole as far as it goes") {
    const GoldenRun run("sigint_once");
    const test::TemporaryDirectory dir;
    report::ReportInput stopped = run.input();
    stopped.ending = report::Ending::stopped;
    stopped.error = "more than 20 % failed";
    report::write_artifacts(stopped, dir.path());
    const Json summary = Json::parse(test::read_file(dir.path() / "profile_export_aiperf.json"));
    CHECK(summary.at("was_cancelled") == true);
    CHECK(summary.at("is_complete") == false);
    CHECK(summary.at("incomplete_reason") == "more than 20 % failed");
    CHECK(test::read_file(dir.path() / ".aiperf_results_ready.json") ==
          "{\"ready\":true,\"was_cancelled\":true,\"partial\":false}");
}

TEST_CASE("a warm-up has files of its own and a place in the summary, and a run without one removes the list") {
    GoldenRun run("chat_stream_usage");
    const test::TemporaryDirectory dir;
    auto info = run.golden.info;
    auto rows = run.golden.record_rows;
    record::PhaseInfo warmup = info.phases.at(0);
    warmup.name = "warmup";
    warmup.profiling = false;
    info.phases.insert(info.phases.begin(), warmup);
    for (std::size_t i = 1; i < rows.size(); ++i) {
        rows[i].record.phase = 1;
    }
    const record::MemoryRecordSet alone = std::exchange(run.records, record::MemoryRecordSet(info, rows));
    run.summary = metric::summarise(run.records, run.input().context);
    const auto written = report::write_artifacts(run.input(), dir.path());
    const Json manifest = Json::parse(test::read_file(dir.path() / "phase_manifest.json"));
    REQUIRE(manifest.at("phases").size() == 2);
    CHECK(manifest.at("phases")[0].at("phase_kind") == "warmup");
    CHECK(manifest.at("phases")[0].at("total_request_count") == 1);
    CHECK(manifest.at("phases")[0].at("profiling_index").is_null());
    CHECK(manifest.at("phases")[1].at("profiling_index") == 0);
    CHECK(manifest.at("phases")[1].at("total_request_count") == rows.size() - 1);
    for (const Json& phase : manifest.at("phases")) {
        CHECK(std::filesystem::exists(dir.path() / phase.at("metrics_csv").get<std::string>()));
        const Json summary = Json::parse(test::read_file(dir.path() / phase.at("metrics_json").get<std::string>()));
        CHECK(summary.at("request_count").at("avg") == phase.at("successful_request_count").get<double>());
        CHECK_FALSE(summary.contains("warmup_metrics"));
    }
    const Json summary = Json::parse(test::read_file(dir.path() / "profile_export_aiperf.json"));
    CHECK(summary.at("warmup_metrics").at("request_count").at("avg") == 1.0);
    CHECK(summary.at("request_count").at("avg") == static_cast<double>(rows.size() - 1));
    CHECK(written.back() == dir.path() / ".aiperf_results_ready.json");

    std::ofstream(dir.path() / "phases/warmup/.profile_export_aiperf.csv.1-1.tmp") << "left by a killed run";
    info.phases[1].name = "../../out";
    run.records = record::MemoryRecordSet(info, rows);
    report::write_artifacts(run.input(), dir.path());
    CHECK(std::filesystem::exists(dir.path() / "phases/______out/profile_export_aiperf.json"));
    CHECK_FALSE(std::filesystem::exists(dir.path() / "phases/warmup/.profile_export_aiperf.csv.1-1.tmp"));

    run.records = alone;
    report::write_artifacts(run.input(), dir.path());
    CHECK_FALSE(std::filesystem::exists(dir.path() / "phase_manifest.json"));
}

TEST_CASE("an error names what lies behind it, as far as its text tells") {
    struct Case {
        record::ErrorKind kind;
        std::string text;
        std::string cause;
        std::vector<std::string> chain;
    };

    const std::string refused = "ConnectionRefusedError(111, \"Connect call failed ('127.0.0.1', 9)\")";
    const std::vector<Case> cases{
        {record::ErrorKind::connect,
         "ClientConnectorError(ConnectionKey(host='127.0.0.1', port=9, server_hostname=None), " + refused + ")",
         refused,
         {"ClientConnectorError", "ConnectionRefusedError"}},
        {record::ErrorKind::connect, "ClientConnectorError(host:1, connect timeout)", "", {"ClientConnectorError"}},
        {record::ErrorKind::reset,
         "ClientOSError(32, 'Broken pipe')",
         "BrokenPipeError(32, 'Broken pipe')",
         {"ClientOSError", "BrokenPipeError"}},
        {record::ErrorKind::reset, "ClientOSError(", "", {"ClientOSError"}},
        {record::ErrorKind::payload, "ClientPayloadError('<')", "", {"ClientPayloadError"}},
        {record::ErrorKind::timeout, "TimeoutError()", "", {"TimeoutError"}},
        {record::ErrorKind::cancelled, "Request cancelled", "", {}},
    };
    for (const Case& one : cases) {
        GoldenRun run("errors_all");
        auto rows = run.golden.record_rows;
        rows.resize(1);
        rows[0].record.error = static_cast<std::uint8_t>(one.kind);
        rows[0].error_text = one.text;
        run.records = record::MemoryRecordSet(run.golden.info, rows);
        run.summary = metric::summarise(run.records, run.input().context);
        const test::TemporaryDirectory dir;
        report::write_artifacts(run.input(), dir.path());
        const Json line = lines_of(dir.path() / "profile_export.jsonl").at(0).at("error");
        const Json summary = Json::parse(test::read_file(dir.path() / "profile_export_aiperf.json"));
        for (const Json& error : {line, summary.at("error_summary").at(0).at("error_details")}) {
            INFO(error.dump());
            CHECK(error.value("cause", std::string()) == one.cause);
            CHECK(error.value("cause_chain", std::vector<std::string>()) == one.chain);
        }
    }
}

TEST_CASE("credentials stand in no artifact") {
    GoldenRun run("errors_all");
    run.config.api_key = "secret-key";
    run.config.headers = {{"X-Api-Key", "secret-header"}, {"X-Other", "seen"}};
    run.config.urls = {"http://user:secret-password@host:80/v1"};
    auto rows = run.golden.record_rows;
    rows[0].error_text = "Unauthorized\nbad key secret-key or secret-header";
    run.records = record::MemoryRecordSet(run.golden.info, rows);
    run.summary = metric::summarise(run.records, run.golden.context);
    const test::TemporaryDirectory dir;
    for (const auto& path : report::write_artifacts(run.input(), dir.path())) {
        INFO(path.string());
        CHECK(test::read_file(path).find("secret") == std::string::npos);
    }
    const Json endpoint =
        Json::parse(test::read_file(dir.path() / "profile_export_aiperf.json")).at("input_config").at("endpoint");
    CHECK(endpoint.at("api_key") == "<redacted>");
    CHECK(endpoint.at("urls")[0] == "http://<redacted>@host:80/v1");
    CHECK(endpoint.at("headers").at("X-Other") == "seen");
}

TEST_CASE("the export level summary leaves the per-request file out, a recovery inputs.json") {
    GoldenRun run("chat_nonstream");
    run.config.export_level = config::ExportLevel::summary;
    report::ReportInput input = run.input();
    input.dataset = nullptr;
    const test::TemporaryDirectory dir;
    report::write_artifacts(input, dir.path());
    CHECK(dir.names() == std::vector<std::string>{
                             ".aiperf_results_ready.json", "profile_export_aiperf.csv", "profile_export_aiperf.json"});
}

TEST_CASE("numbers that are not finite are left out of every file") {
    GoldenRun run("chat_nonstream");
    for (metric::Metric& metric : run.summary.metrics) {
        if (metric.definition->tag == "request_latency") {
            metric.statistics.std = std::numeric_limits<double>::quiet_NaN();
            metric.statistics.max = std::numeric_limits<double>::infinity();
        } else if (metric.definition->tag == "request_throughput") {
            metric.statistics.avg = std::numeric_limits<double>::infinity();
        }
    }
    const test::TemporaryDirectory dir;
    report::write_artifacts(run.input(), dir.path());
    const Json summary = Json::parse(test::read_file(dir.path() / "profile_export_aiperf.json"));
    CHECK_FALSE(summary.at("request_latency").contains("std"));
    CHECK_FALSE(summary.at("request_latency").contains("max"));
    CHECK_FALSE(summary.contains("request_throughput"));
    for (const std::string& line : test::split_lines(test::read_file(dir.path() / "profile_export_aiperf.csv"))) {
        CHECK(line.find("nan") == std::string::npos);
        CHECK(line.find(",inf") == std::string::npos);
    }
}

TEST_CASE("a file that does not fit is named and leaves no part of it and no marker, and the others are written") {
    const GoldenRun run("chat_stream_usage");
    const test::TemporaryDirectory dir;
    std::ofstream(dir.path() / ".aiperf_results_ready.json") << "{}";
    rlimit old{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &old) == 0);
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit small = old;
    small.rlim_cur = 6000;  // inputs.json fits, profile_export.jsonl does not
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    std::string message;
    std::vector<std::string> failed;
    try {
        report::write_artifacts(run.input(), dir.path());
    } catch (const report::ExportError& error) {
        message = error.what();
        failed = error.failed();
        CHECK(error.written().size() == 2);
    }
    setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    CHECK_THAT(message, Catch::Contains((dir.path() / "profile_export.jsonl").string()));
    CHECK_THAT(message, Catch::Contains("File too large"));
    CHECK(failed == std::vector<std::string>{"profile_export.jsonl", "profile_export_aiperf.json"});
    CHECK_THAT(message, Catch::EndsWith("; missing too: profile_export_aiperf.json"));
    CHECK(dir.names() == std::vector<std::string>{"inputs.json", "profile_export_aiperf.csv"});
}

TEST_CASE("a summary written after files that failed says that the run is incomplete, and why") {
    const GoldenRun run("chat_stream_usage");
    const test::TemporaryDirectory dir;
    const auto in_the_way = dir.path() / "profile_export.jsonl";
    std::filesystem::create_directory(in_the_way);
    std::filesystem::create_directory(dir.path() / "profile_export_aiperf.csv");
    REQUIRE_THROWS_WITH(report::write_artifacts(run.input(), dir.path()),
                        Catch::EndsWith("; missing too: profile_export_aiperf.csv"));
    const Json summary = Json::parse(test::read_file(dir.path() / "profile_export_aiperf.json"));
    CHECK(summary["is_complete"] == false);
    CHECK_THAT(summary["incomplete_reason"].get<std::string>(), Catch::Contains(in_the_way.string()));
    CHECK_FALSE(std::filesystem::exists(dir.path() / report::k_ready_marker));
}

TEST_CASE("a directory that cannot be made is an error that names it") {
    const GoldenRun run("chat_nonstream");
    const test::TemporaryDirectory dir;
    std::ofstream(dir.path() / "file") << "x";
    CHECK_THROWS_WITH(report::write_artifacts(run.input(), dir.path() / "file" / "below"),
                      Catch::Contains((dir.path() / "file" / "below").string()) && Catch::Contains("Not a directory"));
}
