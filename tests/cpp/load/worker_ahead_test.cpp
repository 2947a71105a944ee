#include "aiperf/load/worker.hpp"
#include "fed_answer.hpp"
#include "load_run.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace aiperf;  // NOLINT: a test
using namespace std::chrono_literals;
using record::Record;
using test::closed_loop;
using test::constant_rate;
using test::json_answer;
using test::k_close;
using test::LoadRun;
using test::plan_for;
using test::ScriptedServer;
using test::send_step;
using Request = ScriptedServer::Request;
using Steps = ScriptedServer::Steps;

namespace {

ScriptedServer::Script answering() {
    return {.on_request = [](const Request&) { return Steps{send_step(json_answer("Hello"))}; }};
}

schedule::Phase capped_rate(std::uint64_t requests, double rate, std::uint32_t concurrency) {
    schedule::Phase phase = constant_rate(requests, rate);
    phase.concurrency = concurrency;
    return phase;
}

load::LoadPlan with_workers(load::LoadPlan plan, std::uint32_t workers) {
    plan.workers = workers;
    return plan;
}

/// Connections that a server has had so far: those that came before that of a request of our own.
std::size_t connections_to(const ScriptedServer& server) {
    LoadRun probe(plan_for({&server}, {closed_loop(1, 1)}));
    REQUIRE(probe.run());
    return server.requests().back().connection;
}

/// Connections that a run opens before its first phase.
std::size_t opened_ahead(const ScriptedServer& server, load::LoadPlan plan, std::uint32_t workers = 1) {
    const std::size_t before = connections_to(server) + 1;
    LoadRun run(with_workers(std::move(plan), workers));
    REQUIRE(run.make_ready());
    return connections_to(server) - before;
}

}  // namespace

TEST_CASE("Connections are opened before a phase with a schedule: as many as there are slots") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server(answering());
        LoadRun run(with_workers(plan_for({&server}, {capped_rate(60, 1000, 5)}), workers));
        REQUIRE(run.make_ready());
        CHECK(connections_to(server) == 5);
        CHECK(server.requests().size() == 1);  // that one
        run.begin();
        REQUIRE(run.wait());
        CHECK(server.connections() == 5 + 1);
        for (const Record& record : run.records().records()) {
            CHECK(record.error == 0);
            CHECK(record.connect_start_ns == 0);
            CHECK((record.flags & record::flag::reused) != 0);
        }
    }
}

TEST_CASE("No more connections are opened ahead than the rate, the requests and the setting ask for") {
    ScriptedServer server(answering());
    const auto plan = [&server](const schedule::Phase& phase) { return plan_for({&server}, {phase}); };
    CHECK(opened_ahead(server, plan(constant_rate(500, 0.1))) == 1);
    CHECK(opened_ahead(server, plan(constant_rate(500, 6.5))) == 7);
    CHECK(opened_ahead(server, plan(constant_rate(500, 6)), 3) == 6);
    CHECK(opened_ahead(server, plan(constant_rate(4, 1000))) == 4);
    CHECK(opened_ahead(server, plan(constant_rate(5000, 1000))) == 100);
    load::LoadPlan few = plan(constant_rate(5000, 1000));
    few.connections_ahead = 3;
    CHECK(opened_ahead(server, few) == 3);
    CHECK(opened_ahead(server, few, 2) == 6);
}

TEST_CASE("No connection is opened ahead where none would be used again, without a schedule, or where told so") {
    ScriptedServer server(answering());
    load::LoadPlan plan = plan_for({&server}, {constant_rate(10, 1000)});
    const auto variant = [&](auto change) {
        load::LoadPlan changed = plan;
        change(changed);
        return opened_ahead(server, changed);
    };
    using config::ConnectionReuse;
    CHECK(variant([](load::LoadPlan& p) { p.connection_reuse = ConnectionReuse::never; }) == 0);
    CHECK(variant([](load::LoadPlan& p) { p.connection_reuse = ConnectionReuse::sticky_user_sessions; }) == 0);
    CHECK(variant([](load::LoadPlan& p) { p.idle_timeout = 0s; }) == 0);
    CHECK(variant([](load::LoadPlan& p) { p.connections_ahead = 0; }) == 0);
    CHECK(variant([](load::LoadPlan& p) { p.phases = {closed_loop(10, 4)}; }) == 0);
}

TEST_CASE("Each server gets its connections ahead, and two URLs of one server share them") {
    ScriptedServer one(answering());
    ScriptedServer two(answering());
    LoadRun run(plan_for({&one, &two, &one}, {capped_rate(30, 1000, 4)}));
    REQUIRE(run.make_ready());
    CHECK(connections_to(one) == 4);
    CHECK(connections_to(two) == 4);
    run.begin();
    REQUIRE(run.wait());
    CHECK(one.connections() == 4 + 1);
    CHECK(two.connections() == 4 + 1);
}

TEST_CASE("A request that does not overlap another goes over the connection opened first") {
    ScriptedServer server(answering());
    LoadRun run(plan_for({&server}, {capped_rate(6, 50, 4)}));
    REQUIRE(run.make_ready());
    run.begin();
    REQUIRE(run.wait());
    const auto requests = server.requests();
    REQUIRE(requests.size() == 6);
    CHECK(requests.front().connection == 0);
}

TEST_CASE("Connections of a warm-up count as opened ahead") {
    ScriptedServer server(answering());
    LoadRun run(plan_for({&server}, {closed_loop(20, 2), capped_rate(20, 1000, 3)}));
    REQUIRE(run.run(0));
    REQUIRE(run.make_ready(1));
    CHECK(connections_to(server) == 3);
    REQUIRE(run.run(1));
    CHECK(server.connections() == 3 + 1);
}

TEST_CASE("A failure to open ahead is silent: requests find out for themselves") {
    std::uint16_t port = 0;
    load::LoadPlan plan;
    {
        ScriptedServer gone(answering());
        plan = plan_for({&gone}, {constant_rate(5, 1000)});
        port = gone.port();
    }
    LoadRun run(std::move(plan));
    REQUIRE(run.make_ready());
    CHECK(run.total(&load::WorkerCounters::errors) == 0);
    run.begin();
    REQUIRE(run.wait());
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() == 5);
    for (const Record& record : set.records()) {
        CHECK(record.error == static_cast<std::uint8_t>(record::ErrorKind::connect));
        CHECK(record.connect_start_ns != 0);
        CHECK_THAT(error_details(set, record).message, Catch::Contains(std::to_string(port)));
    }
}

TEST_CASE("A server that hangs up on connections opened ahead gets its requests over others") {
    ScriptedServer server(
        {.on_request = [](const Request&) { return Steps{send_step(json_answer("Hello"))}; },
         .on_connect = [](std::size_t connection) { return connection < 3 ? Steps{k_close} : Steps{}; }});
    LoadRun run(plan_for({&server}, {capped_rate(9, 200, 3)}));
    REQUIRE(run.make_ready());
    run.begin();
    REQUIRE(run.wait());
    CHECK(server.requests().size() == 9);
    for (const Record& record : run.records().records()) {
        CHECK(record.error == 0);
    }
}

TEST_CASE("A phase may begin and end while connections are still being opened ahead, and a stop need not wait") {
    ScriptedServer server({.on_request = [](const Request&) { return Steps{}; }, .backlog = 0, .accepting = false});
    load::LoadPlan plan = plan_for({&server}, {constant_rate(20, 1000)});
    plan.connect_timeout = 50ms;
    plan.request_timeout = 200ms;
    LoadRun run(std::move(plan));
    run.announce();
    run.begin();
    REQUIRE(run.wait());
    const record::RecordSet& set = run.records();
    CHECK(std::all_of(set.records().begin(), set.records().end(), [](const Record& r) { return r.error != 0; }));
}

TEST_CASE("Nothing is sent before its instant, however the worker wakes for it") {
    for (const base::Nanoseconds spin : {base::Nanoseconds(0us), base::Nanoseconds(100us)}) {
        ScriptedServer server(answering());
        load::LoadPlan plan = plan_for({&server}, {capped_rate(2000, 4000, 32)});
        plan.spin = spin;
        LoadRun run(std::move(plan));
        REQUIRE(run.make_ready());
        const std::int64_t start = run.begin();
        REQUIRE(run.wait());
        const record::RecordSet& set = run.records();
        REQUIRE(set.records().size() == 2000);
        std::int64_t before = 0;
        for (std::size_t slot = 0; slot < 2000; ++slot) {
            const Record& record = set.records()[slot];
            REQUIRE(record.planned_ns == start + static_cast<std::int64_t>(slot + 1) * 250'000);
            REQUIRE(record.acquired_ns >= record.planned_ns);
            REQUIRE(record.send_start_ns >= record.acquired_ns);
            REQUIRE(record.send_start_ns > before);
            before = record.send_start_ns;
        }
    }
}

TEST_CASE("A worker that has fallen behind reads answers between its sends, and so uses the connections it has") {
    ScriptedServer server(answering());
    LoadRun run(plan_for({&server}, {constant_rate(2000, 10'000)}));
    REQUIRE(run.make_ready());
    run.begin(0, 200ms);
    REQUIRE(run.wait());
    CHECK(server.requests().size() == 2000);
    CHECK(server.connections() < 1800);  // one that sends all first opens 1,970; this one some 800, where it has a core
}
