#include "aiperf/base/error.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/mock/server.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

using namespace aiperf;
using namespace std::chrono_literals;
using control::Environment;
using control::FinishedRequest;
using control::Result;
using control::Run;
using control::Status;

namespace {

constexpr base::Nanoseconds k_hang = 60s;  // longer than anything here may take

config::RunConfig config_for(const mock::Server& server, const test::TemporaryDirectory& directory) {
    config::RunConfig config;
    config.model_names = {"m"};
    config.urls = {server.url()};
    config.tokenizer = "builtin";
    config.streaming = true;
    config.isl_mean = 20;
    config.osl_mean = 4;
    config.request_count = 60;
    config.concurrency = 6;
    config.random_seed = 7;
    config.artifact_directory = (directory.path() / "artifacts").string();
    return config;
}

/// Each way of running, one after the other.
config::RunConfig each_way(config::RunConfig config) {
    config.backend = GENERATE(config::Backend::thread, config::Backend::process);
    config.workers_max = GENERATE(1U, 3U);
    return config;
}

/// Slots that a finished run's records have committed.
std::set<std::uint64_t> committed(const Result& result) {
    std::set<std::uint64_t> slots;
    const auto records = result.records->records();
    for (std::uint64_t slot = 0; slot < records.size(); ++slot) {
        if (records[slot].state == static_cast<std::uint16_t>(record::State::committed)) {
            slots.insert(slot);
        }
    }
    return slots;
}

/// Counts the calls for each slot, and the threads they came on.
struct Calls {
    void take(const FinishedRequest& request) {
        ++of_slot[request.slot];
        threads.insert(std::this_thread::get_id());
    }

    [[nodiscard]] std::set<std::uint64_t> once() const {
        std::set<std::uint64_t> slots;
        for (const auto& [slot, calls] : of_slot) {
            CHECK(calls == 1);
            slots.insert(slot);
        }
        return slots;
    }

    std::map<std::uint64_t, int> of_slot;
    std::set<std::thread::id> threads;
};

mock::Options every_fifth_fails() {
    mock::Options options;
    options.error_rate = 0.2;
    return options;
}

}  // namespace

TEST_CASE("Each finished request comes to the record sink once, errors and warm-up included, on one thread") {
    mock::Server server(every_fifth_fails());
    const test::TemporaryDirectory directory;
    config::RunConfig config = each_way(config_for(server, directory));
    config.warmup_request_count = 10;
    Calls calls;
    std::map<std::string, int> phases;
    std::uint64_t errors = 0;
    Environment environment;
    environment.on_record = [&](const FinishedRequest& request) {
        calls.take(request);
        ++phases[std::string(request.phase)];
        errors += request.error ? 1U : 0U;
    };
    const Result result = control::run(config, environment);
    CHECK(calls.once() == committed(result));
    CHECK(calls.of_slot.size() == 70);
    CHECK(calls.threads.size() == 1);
    CHECK(calls.threads.count(std::this_thread::get_id()) == 0);
    CHECK(phases == std::map<std::string, int>{{"warmup", 10}, {"profiling", 60}});
    CHECK(errors > 0);
    CHECK(errors < 70);
    CHECK(result.record_sink_error.empty());
}

TEST_CASE("What the record sink gets is what the records say") {
    mock::Server server(mock::Options{});
    const test::TemporaryDirectory directory;
    const config::RunConfig config = each_way(config_for(server, directory));

    struct Seen {
        std::int64_t end_ns;
        std::optional<std::int64_t> latency_ns;
        std::size_t events;
        std::string text;
        std::int32_t counted;
    };

    std::map<std::uint64_t, Seen> seen;
    Environment environment;
    environment.on_record = [&](const FinishedRequest& request) {
        seen[request.slot] = {request.record.end_ns,
                              request.measured.latency_ns(),
                              request.events.size(),
                              std::string(request.output_text),
                              request.record.output_tokens};
    };
    const Result result = control::run(config, environment);
    REQUIRE(seen.size() == 60);
    for (const auto& [slot, what] : seen) {
        const record::Record& record = result.records->records()[slot];
        CHECK(what.end_ns == record.end_ns);
        CHECK(what.latency_ns == record.last_content_ns - record.send_start_ns);
        CHECK(what.events == record.event_count);
        CHECK(what.text == result.records->output_text(record));
        CHECK_FALSE(what.text.empty());
        CHECK(what.counted == record::k_absent);
        CHECK(record.output_tokens > 0);
    }
}

TEST_CASE("A record sink may cancel its run, and gets the cancelled requests too") {
    mock::Options slow;
    slow.ttft = 1ms;
    mock::Server server(slow);
    const test::TemporaryDirectory directory;
    config::RunConfig config = each_way(config_for(server, directory));
    config.request_count = 1'000'000;
    Calls calls;
    std::atomic<Run*> run{nullptr};
    Environment environment;
    environment.on_record = [&](const FinishedRequest& request) {
        calls.take(request);
        if (calls.of_slot.size() == 20) {
            run.load()->cancel();
        }
    };
    Run started(config, environment);
    run.store(&started);
    started.start();
    REQUIRE(started.wait_for(k_hang));
    const Result& result = started.result();
    CHECK(result.status == Status::cancelled);
    CHECK(calls.once() == committed(result));
    CHECK(calls.of_slot.size() >= 20);
}

TEST_CASE("An exception ends the record sink, is reported, and the run goes on") {
    mock::Server server(mock::Options{});
    const test::TemporaryDirectory directory;
    const config::RunConfig config = each_way(config_for(server, directory));
    int calls = 0;
    Environment environment;
    environment.on_record = [&](const FinishedRequest& /*request*/) {
        if (++calls == 5) {
            throw std::runtime_error("the fifth is too much");
        }
    };
    const Result result = control::run(config, environment);
    CHECK(calls == 5);
    CHECK(result.record_sink_error == "the fifth is too much");
    CHECK(result.status == Status::complete);
    CHECK(result.summary.valid == 60);
}

TEST_CASE("An abort drops what the record sink has not come to") {
    mock::Server server(mock::Options{});
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for(server, directory);
    config.request_count = 2000;
    int calls = 0;
    std::atomic<Run*> run{nullptr};
    Environment environment;
    environment.on_record = [&](const FinishedRequest& /*request*/) {
        ++calls;
        run.load()->abort();
    };
    Run started(config, environment);
    run.store(&started);
    started.start();
    REQUIRE(started.wait_for(k_hang));
    CHECK(calls >= 1);
    CHECK(started.result().aborted);
}
