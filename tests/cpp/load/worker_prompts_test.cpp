#include "aiperf/dataset/growing_dataset.hpp"
#include "aiperf/load/worker.hpp"
#include "fed_answer.hpp"
#include "load_run.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

using namespace aiperf;  // NOLINT: a test
using namespace std::chrono_literals;
using dataset::GrowingDataset;
using load::Stop;
using load::WorkerCounters;
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

ScriptedServer::Script answering() {
    return {.on_request = [](const Request&) { return Steps{send_step(json_answer("Hello"))}; }};
}

std::vector<dataset::ConversationShape> conversations(std::size_t count, std::size_t turns = 1) {
    std::vector<dataset::ConversationShape> shapes;
    for (std::size_t number = 0; number < count; ++number) {
        shapes.push_back({"session_" + std::to_string(number), turns});
    }
    return shapes;
}

void make(GrowingDataset& prompts, std::size_t from, std::size_t to, std::size_t turns = 1) {
    for (std::size_t number = from; number < to; ++number) {
        std::vector<std::string> bodies;
        for (std::size_t turn = 0; turn < turns; ++turn) {
            bodies.push_back("{\"n\":" + std::to_string(number) + "}");
        }
        std::vector<dataset::Dataset::Entry> entries;
        for (const std::string& body : bodies) {
            entries.push_back({.body = body, .text = {}});
        }
        prompts.add(entries);
    }
}

load::LoadPlan with(const GrowingDataset& prompts, load::LoadPlan plan, std::uint32_t workers = 1) {
    plan.dataset = prompts.dataset();
    plan.workers = workers;
    return plan;
}

/// Waits for what threads bring about. False where it hangs.
template <class Condition>
bool comes_true(Condition condition) {
    const base::Instant limit = base::now() + 30s;
    while (!condition()) {
        if (base::now() > limit) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

std::size_t committed(const record::RecordSet& set) {
    return static_cast<std::size_t>(std::count_if(set.records().begin(), set.records().end(), [](const Record& record) {
        return record.state == static_cast<std::uint16_t>(State::committed) && record.error == 0;
    }));
}

}  // namespace

TEST_CASE("A request waits for its prompt, and answers are read meanwhile") {
    ScriptedServer server({.on_request = [](const Request& request) {
        return request.number == 0 ? Steps{k_hold, send_step(json_answer("Hello"))}
                                   : Steps{send_step(json_answer("Hello"))};
    }});
    GrowingDataset prompts(conversations(3));
    make(prompts, 0, 1);
    LoadRun run(with(prompts, plan_for({&server}, {closed_loop(6, 2)})));
    run.begin();
    REQUIRE(server.wait_for_requests(1));
    REQUIRE(comes_true([&] { return run.total(&WorkerCounters::unready) == 1; }));
    server.release();
    REQUIRE(comes_true([&] { return run.total(&WorkerCounters::completed) == 1; }));
    CHECK(server.requests().size() == 1);
    make(prompts, 1, 3);
    REQUIRE(run.wait());
    CHECK(run.total(&WorkerCounters::unready) == 1);  // the others found theirs made
    CHECK(committed(run.records()) == 6);
    std::vector<std::string> bodies;
    for (const Request& request : server.requests()) {
        bodies.push_back(request.body);
    }
    std::sort(bodies.begin(), bodies.end());
    CHECK(bodies ==
          std::vector<std::string>{"{\"n\":0}", "{\"n\":0}", "{\"n\":1}", "{\"n\":1}", "{\"n\":2}", "{\"n\":2}"});
}

TEST_CASE("Prompts that are made while several workers send are sent once each") {
    ScriptedServer server(answering());
    GrowingDataset prompts(conversations(300));
    LoadRun run(with(prompts, plan_for({&server}, {closed_loop(300, 8)}), 3));
    run.begin();
    make(prompts, 0, 300);
    prompts.finish();
    REQUIRE(run.wait());
    CHECK(committed(run.records()) == 300);
    std::vector<std::string> bodies;
    for (const Request& request : server.requests()) {
        bodies.push_back(request.body);
    }
    std::sort(bodies.begin(), bodies.end());
    CHECK(bodies.size() == 300);
    CHECK(std::adjacent_find(bodies.begin(), bodies.end()) == bodies.end());
}

TEST_CASE("A request that waited for its prompt keeps the instant it was planned for") {
    ScriptedServer server(answering());
    GrowingDataset prompts(conversations(2));
    LoadRun run(with(prompts, plan_for({&server}, {constant_rate(2, 1000)})));
    const std::int64_t start = run.begin();
    REQUIRE(comes_true([&] { return run.total(&WorkerCounters::unready) == 1; }));
    const std::int64_t made = base::now_ns();
    make(prompts, 0, 2);
    REQUIRE(run.wait());
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() == 2);
    CHECK(set.records()[0].planned_ns == start + 1'000'000);
    CHECK(set.records()[1].planned_ns == start + 2'000'000);
    CHECK(set.records()[0].acquired_ns >= made);
}

TEST_CASE("A worker that waits for a prompt obeys a stop") {
    for (const Stop stop : {Stop::sending, Stop::in_flight}) {
        ScriptedServer server(answering());
        const GrowingDataset prompts(conversations(2));
        LoadRun run(with(prompts, plan_for({&server}, {closed_loop(5, 2)}), 2));
        run.begin();
        REQUIRE(comes_true([&] { return run.total(&WorkerCounters::unready) == 2; }));
        run.stop(stop);
        REQUIRE(run.wait());
        CHECK(server.requests().empty());
        CHECK(committed(run.records()) == 0);
    }
}

TEST_CASE("A closed loop sends nothing after its end for which it had to wait") {
    ScriptedServer server(answering());
    GrowingDataset prompts(conversations(2));
    make(prompts, 0, 1);
    schedule::Phase phase = closed_loop(0, 1);
    phase.requests.reset();
    phase.duration = 50ms;
    LoadRun run(with(prompts, plan_for({&server}, {phase})));
    REQUIRE(run.run());
    make(prompts, 1, 2);
    CHECK(server.requests().size() == 1);
    CHECK(committed(run.records()) == 1);
}

TEST_CASE("A session goes on while a new one waits for its prompts") {
    ScriptedServer server(answering());
    GrowingDataset prompts(conversations(2, 3));
    make(prompts, 0, 1, 3);
    LoadRun run(with(prompts, plan_for({&server}, {test::session_loop(2, 6, 2)})));
    run.begin();
    REQUIRE(comes_true([&] { return run.total(&WorkerCounters::sessions_completed) == 1; }));
    REQUIRE(comes_true([&] { return run.total(&WorkerCounters::unready) > 0; }));
    CHECK(server.requests().size() == 3);
    make(prompts, 1, 2, 3);
    REQUIRE(run.wait());
    CHECK(committed(run.records()) == 6);
}
