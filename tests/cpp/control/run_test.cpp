#include "aiperf/control/run.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/metric/definitions.hpp"
#include "aiperf/mock/server.hpp"
#include "aiperf/report/artifacts.hpp"
#include "raw_http_client.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

using namespace aiperf;
using namespace std::chrono_literals;
using control::Environment;
using control::Result;
using control::Run;
using control::Status;

namespace {

constexpr base::Nanoseconds k_hang = 60s;  // longer than anything here may take

config::RunConfig config_for(const mock::Server& server, const test::TemporaryDirectory& directory) {
    config::RunConfig config;
    config.model_names = {"m"};
    config.urls = {server.url()};
    config.tokenizer = std::string(AIPERF_TEST_DATA) + "/golden/tokenizer";
    config.streaming = true;
    config.isl_mean = 20;
    config.osl_mean = 8;
    config.request_count = 40;
    config.concurrency = 4;
    config.random_seed = 7;
    config.artifact_directory = (directory.path() / "artifacts").string();
    return config;
}

struct Setup {
    config::Backend backend;
    std::uint32_t workers;
};

/// Each way of running, one after the other: a test that asks is run once for each.
Setup each_setup() {
    const auto backend = GENERATE(config::Backend::thread, config::Backend::process);
    const auto workers = GENERATE(1U, 3U);
    return {backend, workers};
}

config::RunConfig config_for(const mock::Server& server, const test::TemporaryDirectory& directory, Setup setup) {
    config::RunConfig config = config_for(server, directory);
    config.backend = setup.backend;
    config.workers_max = setup.workers;
    return config;
}

mock::Options delays(base::Nanoseconds ttft, base::Nanoseconds itl) {
    mock::Options options;
    options.ttft = ttft;
    options.itl = itl;
    return options;
}

double value(const Result& result, const char* tag) {
    const metric::Metric* metric = result.summary.find(tag);
    REQUIRE(metric != nullptr);
    return metric->statistics.avg;
}

std::vector<std::string> sorted_bodies(const mock::Server& server) {
    std::vector<std::string> bodies;
    for (const mock::ReceivedRequest& request : server.received()) {
        bodies.push_back(request.body);
    }
    std::sort(bodies.begin(), bodies.end());
    return bodies;
}

bool has_marker(const Result& result) {
    return std::filesystem::exists(result.artifact_directory / report::k_ready_marker);
}

}  // namespace

TEST_CASE("A run measures a server's known delays, by threads or processes, one or three") {
    const Setup setup = each_setup();
    mock::Server server(delays(20ms, 5ms));
    const test::TemporaryDirectory directory;
    const Result result = control::run(config_for(server, directory, setup));
    CHECK(result.status == Status::complete);
    CHECK(result.error.empty());
    CHECK(result.exit_code() == 0);
    CHECK(result.summary.valid == 40);
    CHECK(result.summary.failed == 0);
    CHECK(result.records->records().size() == 40);
    CHECK(value(result, "request_count") == 40);
    CHECK(value(result, "input_sequence_length") == 20);
    const metric::Statistics& first = result.summary.find("time_to_first_token")->statistics;
    CHECK(first.min >= 20.0);
    CHECK(result.summary.find("request_latency")->statistics.min >= 20.0 + 7 * 5.0 - 0.1);
    CHECK(value(result, "usage_completion_tokens") == 8);
    CHECK(has_marker(result));
    server.stop();
    CHECK(server.counters().requests == 40);
}

TEST_CASE("Equal seeds send equal bodies, whatever the number of workers; another seed sends others") {
    std::vector<std::vector<std::string>> sent;
    const auto backend = GENERATE(config::Backend::thread, config::Backend::process);
    for (const auto& [seed, workers] : {std::pair(7U, 1U), std::pair(7U, 3U), std::pair(8U, 1U)}) {
        mock::Server server(delays(0ms, 0ms));
        const test::TemporaryDirectory directory;
        config::RunConfig config = config_for(server, directory);
        config.random_seed = seed;
        config.backend = backend;
        config.workers_max = workers;
        config.isl_stddev = 5;
        config.osl_stddev = 2;
        CHECK(control::run(config).exit_code() == 0);
        sent.push_back(sorted_bodies(server));
    }
    CHECK(sent[0].size() == 40);
    CHECK(sent[0] == sent[1]);
    CHECK(sent[0] != sent[2]);
}

TEST_CASE("Warm-up requests are sent and recorded, and are not in the numbers") {
    const Setup setup = each_setup();
    mock::Server server(delays(0ms, 0ms));
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory, setup);
    config.warmup_request_count = 10;
    const Result result = control::run(config);
    CHECK(result.summary.valid == 40);
    CHECK(value(result, "request_count") == 40);
    REQUIRE(result.records->info().phases.size() == 2);
    CHECK_FALSE(result.records->info().phases[0].profiling);
    CHECK(result.records->info().phases[1].first_slot == 10);
    CHECK(result.records->records().size() == 50);
    server.stop();
    CHECK(server.counters().requests == 50);
}

TEST_CASE("A warm-up by duration has its own rate and its own files") {
    mock::Server server(delays(0ms, 0ms));
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory);
    config.warmup_duration = 0.1;
    config.warmup_request_rate = 100;
    config.warmup_arrival_pattern = config::ArrivalPattern::constant;
    const Result result = control::run(config);
    CHECK(result.exit_code() == 0);
    const auto records = result.records->records();
    CHECK(std::count_if(records.begin(), records.end(), [](const record::Record& record) {
              return record.phase == 0 && record.state == static_cast<std::uint16_t>(record::State::committed);
          }) == 9);  // the tenth would be due at the very end
    CHECK(result.summary.valid == 40);
    CHECK(std::filesystem::exists(result.artifact_directory / "phases/warmup/profile_export_aiperf.json"));
    CHECK(std::filesystem::exists(result.artifact_directory / "phase_manifest.json"));
}

TEST_CASE("A run with too many failures stops, says why, and has failed") {
    mock::Options options;
    options.script = R"({"routes": [{"path": "/v1/chat/completions", "answers": [
        {"events": [[0, {"choices": [{"delta": {"content": "a"}}]}], [0, "[DONE]"]]}, {"status": 500, "text": "no"}]}]})";
    mock::Server server(options);
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory);
    config.request_count = 2000;
    config.failed_request_threshold = 0.2;
    const Result result = control::run(config);
    CHECK(result.status == Status::incomplete);
    CHECK(result.exit_code() == 1);
    CHECK(result.error_type == "TooManyFailures");
    CHECK(result.error == "more than 20 % of the requests failed (--failed-request-threshold)");
    CHECK(result.summary.valid + result.summary.failed < 2000);
    CHECK(has_marker(result));
}

TEST_CASE("A request that hangs does not keep a run that has failed too often") {
    mock::Options options;
    options.script = R"({"routes": [{"path": "/v1/chat/completions", "order": "last", "answers": [
        {"delay_ms": 3600000, "text": "late"}, {"status": 500, "text": "no"}]}]})";
    mock::Server server(options);
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory);
    config.concurrency = 2;
    config.failed_request_threshold = 0.2;
    Environment environment;
    environment.variables = {{"AIPERF_TIMING_CANCEL_DRAIN_TIMEOUT", "1"}};
    Run run(config, environment);
    run.start();
    REQUIRE(run.wait_for(k_hang));
    CHECK(run.result().error_type == "TooManyFailures");
    const auto records = run.result().records->records();
    CHECK(std::count_if(records.begin(), records.end(), [](const record::Record& record) {
              return record.error == static_cast<std::uint8_t>(record::ErrorKind::cancelled);
          }) == 1);
}

TEST_CASE("A run waits until the model is in the list and answers") {
    mock::Options options;
    options.script = R"({"routes": [
        {"method": "GET", "path": "/v1/models", "order": "last", "answers": [
            {"status": 503}, {"json": {"data": []}}, {"json": {"data": [{"id": "m"}]}}]},
        {"path": "/v1/chat/completions", "order": "last", "answers": [
            {"status": 503}, {"action": "close"}, {"json": {"choices": [{"message": {"content": "a"}}]}}]}]})";
    mock::Server server(options);
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory);
    config.streaming = false;
    config.api_key = "key";
    config.request_count = 2;
    config.wait_for_model_timeout = 60;
    config.wait_for_model_interval = 0.001;
    config.wait_for_model_mode = config::WaitForModelMode::both;
    CHECK(control::run(config).exit_code() == 0);
    std::vector<std::string> targets;
    for (const mock::ReceivedRequest& request : server.received()) {
        targets.push_back(request.target);
        CHECK(request.header("authorization") == "Bearer key");
    }
    CHECK(std::count(targets.begin(), targets.end(), "/v1/models") == 3);
    CHECK(std::count(targets.begin(), targets.end(), "/v1/chat/completions") == 3 + 2);
}

TEST_CASE("A model that never answers ends the run, with the last reason") {
    mock::Options options;
    options.script = R"({"routes": [{"path": "/v1/chat/completions", "answers": [{"status": 503}]}]})";
    mock::Server server(options);
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory);
    config.wait_for_model_timeout = 0.2;
    config.wait_for_model_interval = 0.01;
    const Result result = control::run(config);
    CHECK(result.status == Status::incomplete);
    CHECK(result.exit_code() == 1);
    CHECK_THAT(result.error,
               Catch::Contains("--wait-for-model-timeout") && Catch::EndsWith("POST /v1/chat/completions: status 503"));
}

TEST_CASE("The wait for a model ends when the run is cancelled, also while nobody listens") {
    const test::TemporaryDirectory directory;
    mock::Server gone(delays(0ms, 0ms));
    config::RunConfig config = config_for(gone, directory);
    gone.stop();
    config.wait_for_model_timeout = 600;
    config.wait_for_model_interval = 500;
    Run run(config);
    run.start();
    CHECK_FALSE(run.wait_for(200ms));
    run.cancel();
    REQUIRE(run.wait_for(k_hang));
    CHECK(run.result().status == Status::cancelled);
}

TEST_CASE("A run by duration stops sending in time and lets what is in flight finish") {
    const Setup setup = each_setup();
    mock::Server server(delays(30ms, 0ms));
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory, setup);
    config.request_count.reset();
    config.benchmark_duration = 0.2;
    const Result result = control::run(config);
    CHECK(result.status == Status::complete);
    CHECK(result.summary.failed == 0);
    const record::PhaseInfo& phase = result.records->info().phases.at(0);
    for (const record::Record& record : result.records->records()) {
        if (record.state == static_cast<std::uint16_t>(record::State::committed)) {
            CHECK(record.planned_ns < phase.start_ns + 200'000'000);
        }
    }
    CHECK(result.summary.valid >= 4);
}

TEST_CASE("Starting, cancelling and waiting may be repeated") {
    const Setup setup = each_setup();
    mock::Server server(delays(10min, 0ms));
    const test::TemporaryDirectory directory;
    Run run(config_for(server, directory, setup));
    run.start();
    run.start();
    REQUIRE(server.wait_arrived(4, k_hang));
    CHECK_FALSE(run.wait_for(0ms));
    CHECK(run.snapshot().in_flight == 4);
    run.cancel();
    run.cancel();
    REQUIRE(run.wait_for(k_hang));
    const Result& result = run.result();
    CHECK(&result == &run.result());
    CHECK(result.status == Status::cancelled);
    CHECK(result.exit_code() == 130);
    CHECK(result.summary.failed == 4);
    CHECK(result.summary.errors.at(0).details.code == 499);
    CHECK(result.summary.errors.at(0).details.type == "RequestCancellationError");
    CHECK(has_marker(result));
    run.cancel();
    run.start();
    CHECK(run.done());
    CHECK(run.snapshot().status == Status::cancelled);
}

TEST_CASE("A run cancelled before it starts sends nothing") {
    const Setup setup = each_setup();
    mock::Server server(delays(0ms, 0ms));
    const test::TemporaryDirectory directory;
    Run run(config_for(server, directory, setup));
    run.cancel();
    CHECK_FALSE(run.done());
    run.start();
    CHECK(run.result().status == Status::cancelled);
    server.stop();
    CHECK(server.counters().requests == 0);
}

TEST_CASE("The result of a run that was never started is refused") {
    mock::Server server(delays(0ms, 0ms));
    const test::TemporaryDirectory directory;
    Run run(config_for(server, directory));
    CHECK_THROWS_WITH(run.result(), "the run was never started");
}

TEST_CASE("A run that goes out of scope ends, without artifacts, and its journal gives them later") {
    const Setup setup = each_setup();
    mock::Server server(delays(10min, 0ms));
    const test::TemporaryDirectory directory;
    std::filesystem::path artifacts;
    {
        Run run(config_for(server, directory, setup));
        artifacts = run.artifact_directory();
        run.start();
        REQUIRE(server.wait_arrived(4, k_hang));
    }
    CHECK_FALSE(std::filesystem::exists(artifacts / report::k_ready_marker));
    const auto unfinished = artifacts / ".profile_export.jsonl.4711-3.tmp";  // as a kill during the export leaves it
    std::ofstream(unfinished) << "{";
    const Result as_it_is = control::reopen(artifacts);
    CHECK(as_it_is.status == Status::incomplete);
    CHECK(as_it_is.summary.failed == 4);
    CHECK_FALSE(has_marker(as_it_is));
    const Result result = control::recover(artifacts);
    CHECK_FALSE(std::filesystem::exists(unfinished));
    CHECK(result.status == Status::incomplete);
    CHECK(result.summary.failed == 4);
    CHECK(has_marker(result));
    CHECK(control::reopen(artifacts).error == result.error);
    CHECK_THROWS_AS(control::recover(artifacts), base::RunError);  // it has its artifacts now
}

TEST_CASE("A run that is ended at once has the exit code of a cancelled one, in status.json too") {
    mock::Server server(delays(10min, 0ms));
    const test::TemporaryDirectory directory;
    Run run(config_for(server, directory));
    run.start();
    REQUIRE(server.wait_arrived(4, k_hang));
    run.abort();
    CHECK(run.result().status == Status::incomplete);
    CHECK(run.result().exit_code() == control::k_interrupted);
    std::ifstream file(run.artifact_directory() / "status.json");
    std::stringstream status;
    status << file.rdbuf();
    CHECK(status.str().find(R"("exit_code":130)") != std::string::npos);
}

TEST_CASE("Two runs go side by side; one in the directory of another is refused") {
    mock::Server server(delays(50ms, 0ms));
    const test::TemporaryDirectory first;
    const test::TemporaryDirectory second;
    Run one(config_for(server, first));
    Run two(config_for(server, second));
    one.start();
    two.start();
    REQUIRE(server.wait_arrived(1, k_hang));
    Run intruder(config_for(server, first));
    intruder.start();
    CHECK(one.result().exit_code() == 0);
    CHECK(two.result().exit_code() == 0);
    CHECK(one.result().benchmark_id != two.result().benchmark_id);
    const Result& refused = intruder.result();
    // Either it came while the other was writing, or after it: both are in order, a mixture is not.
    if (refused.status != Status::complete) {
        CHECK_THAT(refused.error, Catch::Contains("another run is writing to"));
    }
}

TEST_CASE("Counters of a snapshot add up, and its end agrees with the result") {
    const Setup setup = each_setup();
    mock::Server server(delays(5ms, 1ms));
    const test::TemporaryDirectory directory;
    Run run(config_for(server, directory, setup));
    CHECK(run.snapshot().phase == "preparing");
    run.start();
    bool over = false;
    while (!over) {
        over = run.wait_for(1ms);
        const control::Snapshot snapshot = run.snapshot();
        CHECK(snapshot.errors <= snapshot.completed);
        CHECK(snapshot.in_flight == snapshot.sent - std::min(snapshot.sent, snapshot.completed));
        CHECK(snapshot.in_flight <= 4);
    }
    const control::Snapshot last = run.snapshot();
    CHECK(last.phase == "done");
    CHECK(last.completed == 40);
    CHECK(last.sent == 40);
    CHECK(last.errors == 0);
    REQUIRE(last.time_to_first_token.p50_ms.has_value());
    CHECK(*last.time_to_first_token.p50_ms >= 4.9);
}

TEST_CASE("A server that only fails ends the run with exit code 1, with artifacts and the reason") {
    const Setup setup = each_setup();
    mock::Options options;
    options.error_rate = 1.0;
    options.error_status = 503;
    mock::Server server(options);
    const test::TemporaryDirectory directory;
    const Result result = control::run(config_for(server, directory, setup));
    CHECK(result.status == Status::complete);
    CHECK(result.exit_code() == 1);
    CHECK(result.summary.valid == 0);
    CHECK(result.summary.failed == 40);
    CHECK(result.summary.find("request_count") == nullptr);
    CHECK_THAT(result.error, Catch::StartsWith("all 40 requests failed; the most frequent error: "));
    CHECK(has_marker(result));
}

TEST_CASE("A server that is not there is said, in artifacts too, without a single request") {
    const Setup setup = each_setup();
    const test::TemporaryDirectory directory;
    config::RunConfig config;
    {
        mock::Server server(delays(0ms, 0ms));
        config = config_for(server, directory, setup);
    }
    const Result result = control::run(config);
    CHECK(result.status == Status::incomplete);
    CHECK(result.exit_code() == 1);
    CHECK_THAT(result.error, Catch::Contains("cannot connect to 127.0.0.1:") && Catch::Contains("Connection refused"));
    CHECK(result.records->records().empty());
}

TEST_CASE("What is refused is refused before anything is written") {
    const test::TemporaryDirectory directory;
    mock::Server server(delays(0ms, 0ms));
    const config::RunConfig good = config_for(server, directory);
    const auto refuse = [](config::RunConfig config, const std::string& words) {
        CHECK_THROWS_WITH(Run(std::move(config)), Catch::Contains(words));
    };
    config::RunConfig config = good;
    config.concurrency = 0;
    refuse(config, "--concurrency");
    config = good;
    config.tokenizer = "/nowhere/at/all";
    refuse(config, "--tokenizer: '/nowhere/at/all'");
    config = good;
    std::ofstream(directory.path() / "file") << "x";
    config.artifact_directory = (directory.path() / "file").string();
    refuse(config, "--artifact-dir");
    config = good;
    config.concurrency = 900'000;
    config.request_count = 900'000;
    refuse(config, "descriptors: ");
    CHECK_FALSE(std::filesystem::exists(*good.artifact_directory));
    const Environment bad{
        .variables = {{"AIPERF_HTTP_CONNECT_TIMEOUT", "soon"}}, .working_directory = ".", .logger = nullptr};
    CHECK_THROWS_WITH(Run(good, bad), Catch::Contains("AIPERF_HTTP_CONNECT_TIMEOUT: 'soon'"));
    server.stop();
    CHECK(server.counters().connections == 0);
}

TEST_CASE("The settings' directory takes the journal") {
    const Setup setup = each_setup();
    mock::Server server(delays(0ms, 0ms));
    const test::TemporaryDirectory directory;
    const test::TemporaryDirectory journals;
    Environment environment;
    environment.variables["AIPERF_JOURNAL_DIR"] = journals.path().string();
    const Result result = control::run(config_for(server, directory, setup), environment);
    CHECK(result.exit_code() == 0);
    CHECK(std::filesystem::exists(journals.path() / "artifacts" / "records"));
    CHECK_FALSE(std::filesystem::exists(result.artifact_directory / "journal"));
}

TEST_CASE("Server counts stand in for a tokenizer that is not there") {
    mock::Server server(delays(0ms, 0ms));
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory);
    config.tokenizer = "no-such-tokenizer";
    config.use_server_token_count = true;
    const Result result = control::run(config);
    CHECK(result.exit_code() == 0);
    CHECK(value(result, "output_sequence_length") == 8);
}

TEST_CASE("Records of an earlier run stay readable when another run takes its directory") {
    mock::Server server(delays(0ms, 0ms));
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory);
    const Result first = control::run(config);
    config.request_count = 3;
    const Result second = control::run(config);
    CHECK(second.records->records().size() == 3);
    REQUIRE(first.records->records().size() == 40);
    std::set<std::uint32_t> sessions;
    for (const record::Record& record : first.records->records()) {
        CHECK(record.state == static_cast<std::uint16_t>(record::State::committed));
        CHECK_FALSE(first.records->output_text(record).empty());
        sessions.insert(record.session);
    }
    CHECK(sessions.size() == 40);
}

TEST_CASE("The final numbers are served from the end of a run to the end of its grace") {
    const Setup setup = each_setup();
    mock::Server server(delays(0ms, 0ms));
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory, setup);
    config.api_port = 0;
    Run run(config);
    run.start();
    REQUIRE(run.wait_for(k_hang));
    REQUIRE(run.result().exit_code() == 0);
    const std::string url = run.api_url();
    const auto port = static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
    // Long enough for whatever follows a run to come by again.
    for (const base::Instant until = base::now() + 300ms; base::now() < until;) {
        const std::string metrics = test::RawHttpClient(port).get("/api/metrics").body;
        REQUIRE_THAT(metrics, Catch::Contains("request_latency") && Catch::Contains("output_token_throughput"));
    }
    run.end_hold();
    CHECK(run.wait_closed_for(k_hang));
    CHECK(run.children().empty());
}
