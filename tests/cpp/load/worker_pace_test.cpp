#include "aiperf/load/worker.hpp"
#include "fed_answer.hpp"
#include "load_run.hpp"
#include "small_disk.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>
#include <regex>
#include <string>
#include <vector>

using namespace aiperf;  // NOLINT: a test
using namespace std::chrono_literals;
using load::Stop;
using load::WorkerCounters;
using record::ErrorKind;
using record::Record;
using record::State;
using test::closed_loop;
using test::constant_rate;
using test::json_answer;
using test::k_hold;
using test::LoadRun;
using test::plan_for;
using test::ScriptedServer;
using test::send_step;
using Request = ScriptedServer::Request;
using Steps = ScriptedServer::Steps;

namespace {

/// Holds every answer until it is told to let go.
ScriptedServer::Script holding() {
    return {.on_request = [](const Request&) { return Steps{k_hold, send_step(json_answer("Hello"))}; }};
}

/// Answers the first `count` requests and holds the others.
ScriptedServer::Script answering_first(std::size_t count) {
    return {.on_request = [count](const Request& request) {
        return request.number < count ? Steps{send_step(json_answer("Hello"))} : Steps{k_hold};
    }};
}

ScriptedServer::Script answering() {
    return {.on_request = [](const Request&) { return Steps{send_step(json_answer("Hello"))}; }};
}

load::LoadPlan with_workers(load::LoadPlan plan, std::uint32_t workers) {
    plan.workers = workers;
    return plan;
}

std::size_t count_of(const record::RecordSet& set, ErrorKind kind) {
    return static_cast<std::size_t>(
        std::count_if(set.records().begin(), set.records().end(), [kind](const Record& record) {
            return record.state == static_cast<std::uint16_t>(State::committed) &&
                   record.error == static_cast<std::uint8_t>(kind);
        }));
}

}  // namespace

TEST_CASE("A constant rate plans an exact grid and sends nothing early, with any number of workers") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server(answering());
        LoadRun run(with_workers(plan_for({&server}, {constant_rate(60, 500)}), workers));
        const std::int64_t start = run.begin();
        REQUIRE(run.wait());
        const record::RecordSet& set = run.records();
        CHECK(server.requests().size() == 60);
        REQUIRE(set.records().size() == 60);
        CHECK(count_of(set, ErrorKind::none) == 60);
        for (std::size_t slot = 0; slot < 60; ++slot) {
            const Record& record = set.records()[slot];
            CHECK(record.planned_ns == start + static_cast<std::int64_t>(slot + 1) * 2'000'000);
            CHECK(record.acquired_ns >= record.planned_ns);
            CHECK(record.send_start_ns >= record.acquired_ns);
        }
    }
}

TEST_CASE("Random arrivals are those of the schedule, bit for bit, with any number of workers") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server(answering());
        schedule::Phase phase = constant_rate(100, 0);
        phase.arrivals = schedule::Arrivals{.process = schedule::Process::poisson, .rate = 1000, .seed = 3};
        schedule::ArrivalCursor cursor(*phase.arrivals);
        LoadRun run(with_workers(plan_for({&server}, {phase}), workers));
        const std::int64_t start = run.begin();
        REQUIRE(run.wait());
        const record::RecordSet& set = run.records();
        REQUIRE(set.records().size() == 100);
        for (std::uint64_t slot = 0; slot < 100; ++slot) {
            CHECK(set.records()[slot].planned_ns == start + cursor.at(slot).count());
        }
    }
}

TEST_CASE("An open loop does not wait for answers") {
    ScriptedServer server(holding());
    LoadRun run(with_workers(plan_for({&server}, {constant_rate(40, 2000)}), 3));
    run.begin();
    REQUIRE(server.wait_for_requests(40));
    CHECK(server.most_in_flight() == 40);
    CHECK(run.total(&WorkerCounters::completed) == 0);
    server.release();
    REQUIRE(run.wait());
    CHECK(count_of(run.records(), ErrorKind::none) == 40);
}

TEST_CASE("With all slots in use an open loop sends late, keeps its plan, and never exceeds the cap") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server({.on_request =
                                   [](const Request&) {
                                       return Steps{k_hold, send_step(json_answer("x"))};
                                   },
                               .gather = 2});
        schedule::Phase phase = constant_rate(20, 20'000);
        phase.concurrency = 2;
        LoadRun run(with_workers(plan_for({&server}, {phase}), workers));
        const std::int64_t start = run.begin();
        CAPTURE(workers);
        REQUIRE(run.wait());
        const record::RecordSet& set = run.records();
        CHECK(server.most_in_flight() == 2);
        REQUIRE(set.records().size() == 20);
        for (std::size_t slot = 0; slot < 20; ++slot) {
            const Record& record = set.records()[slot];
            CHECK(record.planned_ns == start + static_cast<std::int64_t>(slot + 1) * 50'000);
            CHECK(record.acquired_ns >= record.planned_ns);
        }
        // Two at a time: each had to wait for the two before it.
        for (std::size_t slot = 2; slot < 20; ++slot) {
            const auto answered_before =
                std::count_if(set.records().begin(), set.records().end(), [&](const Record& record) {
                    return record.first_byte_ns <= set.records()[slot].acquired_ns;
                });
            CHECK(answered_before + 2 > static_cast<std::ptrdiff_t>(slot));
        }
    }
}

TEST_CASE("Nothing is due at or after the end of a phase's duration") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server(answering());
        schedule::Phase phase = constant_rate(0, 1000);
        phase.requests.reset();
        phase.duration = 50ms;
        LoadRun run(with_workers(plan_for({&server}, {phase}), workers));
        const std::int64_t start = run.begin();
        REQUIRE(run.wait());
        const record::RecordSet& set = run.records();
        CHECK(set.records().size() == 49);  // at 1, 2, … 49 ms
        CHECK(server.requests().size() == 49);
        CHECK(set.records().back().planned_ns == start + 49'000'000);
    }
}

TEST_CASE("A closed loop stops sending after its duration and what is in flight finishes within the grace") {
    ScriptedServer server(answering());
    schedule::Phase phase = closed_loop(0, 4);
    phase.requests.reset();
    phase.duration = 200ms;
    phase.grace = 20s;
    LoadRun run(with_workers(plan_for({&server}, {phase}), 2));
    const std::int64_t start = run.begin();
    REQUIRE(run.wait());
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() > 4);
    CHECK(count_of(set, ErrorKind::none) == server.requests().size());
    for (const Record& record : set.records()) {
        if (record.state == static_cast<std::uint16_t>(State::committed)) {
            CHECK(record.acquired_ns < start + 200'000'000);
        }
    }
}

TEST_CASE("What is in flight when the grace is over is cancelled") {
    ScriptedServer server(answering_first(10));
    schedule::Phase phase = closed_loop(0, 4);
    phase.requests.reset();
    phase.duration = 400ms;
    phase.grace = 200ms;
    LoadRun run(with_workers(plan_for({&server}, {phase}), 2));
    const std::int64_t start = run.begin();
    REQUIRE(run.wait());
    const record::RecordSet& set = run.records();
    CHECK(count_of(set, ErrorKind::none) == 10);
    CHECK(count_of(set, ErrorKind::cancelled) == 4);
    for (const Record& record : set.records()) {
        if (record.error != 0) {
            CHECK(record.end_ns >= start + 600'000'000);
            CHECK((record.flags & record::flag::cancelled) != 0);
        }
    }
}

TEST_CASE("A cancel closes what is in flight and records it with AIPerf's words") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server(holding());
        LoadRun run(with_workers(plan_for({&server}, {closed_loop(100, 6)}), workers));
        run.begin();
        REQUIRE(server.wait_for_requests(6));
        run.stop(Stop::in_flight);
        REQUIRE(run.wait());
        CHECK(run.total(&WorkerCounters::completed) == 6);
        CHECK(run.total(&WorkerCounters::errors) == 6);
        const record::RecordSet& set = run.records();
        CHECK(server.requests().size() == 6);
        REQUIRE(count_of(set, ErrorKind::cancelled) == 6);
        for (const Record& record : set.records()) {
            const auto details = error_details(set, record);
            CHECK(details.code == 499);
            CHECK(details.type == "RequestCancellationError");
            CHECK(std::regex_match(details.message, std::regex("Request cancelled \\d+\\.\\d{3}s after being sent")));
            CHECK(record.flags == (record::flag::cancelled | record::flag::text_kept));
        }
    }
}

TEST_CASE("A cancel reaches requests whose connection is not there yet") {
    ScriptedServer server({.on_request = [](const Request&) { return Steps{}; }, .backlog = 0, .accepting = false});
    LoadRun run(plan_for({&server}, {closed_loop(100, 8)}));
    run.begin();
    while (run.total(&WorkerCounters::sent) < 8) {
        std::this_thread::yield();
    }
    run.stop(Stop::in_flight);
    REQUIRE(run.wait());
    CHECK(count_of(run.records(), ErrorKind::cancelled) == 8);
}

TEST_CASE("A stop of sending lets what is in flight finish and sends no more") {
    ScriptedServer server(holding());
    LoadRun run(with_workers(plan_for({&server}, {closed_loop(100, 6)}), 3));
    run.begin();
    REQUIRE(server.wait_for_requests(6));
    run.stop(Stop::sending);
    server.release();
    REQUIRE(run.wait());
    const record::RecordSet& set = run.records();
    CHECK(server.requests().size() == 6);
    CHECK(count_of(set, ErrorKind::none) == 6);
}

TEST_CASE("A stop reaches a worker that waits for a distant instant") {
    ScriptedServer server(answering());
    LoadRun run(with_workers(plan_for({&server}, {constant_rate(10, 0.001)}), 2));
    run.begin();
    run.stop(Stop::sending);
    REQUIRE(run.wait());
    CHECK(server.requests().empty());
    for (const Record& record : run.records().records()) {
        CHECK(record.state <= static_cast<std::uint16_t>(State::claimed));
    }
}

TEST_CASE("A request that takes too long is given up and its slot is used again") {
    ScriptedServer server({.on_request = [](const Request& request) {
        return request.number == 1 ? Steps{k_hold} : Steps{send_step(json_answer("Hello"))};
    }});
    load::LoadPlan plan = plan_for({&server}, {closed_loop(4, 1)});
    plan.request_timeout = 700ms;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() == 4);
    CHECK(count_of(set, ErrorKind::none) == 3);
    const Record& late = set.records()[1];
    CHECK(error_details(set, late) == record::ErrorDetails{0, "TimeoutError", "TimeoutError()"});
    CHECK(late.end_ns - late.acquired_ns >= 700'000'000);
    CHECK(server.connections() == 2);  // the one that was given up is closed
}

TEST_CASE("A request's time counts through a slow stream") {
    const std::string start = test::k_stream_head + test::chunk_of(test::content_event("x"));
    ScriptedServer server({.on_request = [start](const Request&) { return Steps{send_step(start), k_hold}; }});
    load::LoadPlan plan = plan_for({&server}, {closed_loop(2, 2)});
    plan.request_timeout = 500ms;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    CHECK(count_of(set, ErrorKind::timeout) == 2);
    CHECK(set.output_text(set.records()[0]) == "x");
}

TEST_CASE("A connection that does not come about is given up after its own time") {
    ScriptedServer server({.on_request = [](const Request&) { return Steps{}; }, .backlog = 0, .accepting = false});
    load::LoadPlan plan = plan_for({&server}, {closed_loop(8, 8)});
    plan.connect_timeout = 50ms;
    plan.request_timeout = 400ms;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    // The backlog takes one or two in; those are connected, and time out as requests.
    CHECK(count_of(set, ErrorKind::connect) >= 5);
    CHECK(count_of(set, ErrorKind::connect) + count_of(set, ErrorKind::timeout) == 8);
    for (const Record& record : set.records()) {
        if (record.error == static_cast<std::uint8_t>(ErrorKind::connect)) {
            CHECK(record.end_ns - record.connect_start_ns >= 50'000'000);
            CHECK_THAT(error_details(set, record).message, Catch::Contains("timeout"));
        }
    }
}

TEST_CASE("A full disk stops the load: what was answered is recorded, and nothing hangs") {
    const test::SmallDisk disk("512k");
    if (!disk.mounted()) {
        return;
    }
    ScriptedServer server(
        {.on_request = [](const Request&) { return Steps{send_step(json_answer(std::string(3000, 'x')))}; }});
    LoadRun run(with_workers(plan_for({&server}, {closed_loop(100'000, 4)}), 2), disk.where());
    REQUIRE(run.run());
    CHECK(run.state().journal_error.load() == ENOSPC);
    CHECK(run.state().stop.load() == static_cast<std::uint32_t>(Stop::sending));
    CHECK_FALSE(run.journal().failure().empty());
    const std::uint64_t answered = run.total(&WorkerCounters::completed);
    const record::RecordSet& set = run.records();
    CHECK(count_of(set, ErrorKind::none) > 10);
    CHECK(count_of(set, ErrorKind::none) <= answered);
    CHECK(count_of(set, ErrorKind::none) + 4 >= answered);
    for (const Record& record : set.records()) {
        if (record.state == static_cast<std::uint16_t>(State::committed)) {
            REQUIRE(set.output_text(record).size() == 3000);
        }
    }
}
