#include "aiperf/load/worker.hpp"
#include "fed_answer.hpp"
#include "load_run.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace aiperf;  // NOLINT: a test
using namespace std::chrono_literals;
using load::Stop;
using load::WorkerCounters;
using record::ErrorKind;
using record::Record;
using test::json_answer;
using test::k_close;
using test::k_hold;
using test::LoadRun;
using test::plan_for;
using test::ScriptedServer;
using test::send_step;
using test::session_loop;
using test::talks;
using Request = ScriptedServer::Request;
using Steps = ScriptedServer::Steps;

namespace {

/// Says which request it answers: "<0>" to the first.
ScriptedServer::Script counting() {
    return {.on_request = [](const Request& request) {
        return Steps{send_step(json_answer("<" + std::to_string(request.number) + ">"))};
    }};
}

load::LoadPlan talking(const std::vector<const ScriptedServer*>& servers,
                       std::vector<schedule::Phase> phases,
                       std::shared_ptr<const dataset::Dataset> dataset,
                       std::uint32_t workers = 1) {
    load::LoadPlan plan = plan_for(servers, std::move(phases));
    plan.dataset = std::move(dataset);
    plan.answer_frame = {"{\"bot\":\"", "\"}"};
    plan.workers = workers;
    return plan;
}

load::LoadPlan sticky(load::LoadPlan plan) {
    plan.connection_reuse = config::ConnectionReuse::sticky_user_sessions;
    return plan;
}

bool is_good(const Record& record) {
    return record.state == static_cast<std::uint16_t>(record::State::committed) && record.error == 0;
}

std::size_t good_ones(const record::RecordSet& set) {
    return static_cast<std::size_t>(std::count_if(set.records().begin(), set.records().end(), is_good));
}

/// The committed records of each session, by turn.
std::map<std::uint32_t, std::vector<Record>> by_session(const record::RecordSet& set) {
    std::map<std::uint32_t, std::vector<Record>> sessions;
    for (const Record& record : set.records()) {
        if (record.state == static_cast<std::uint16_t>(record::State::committed)) {
            sessions[record.session].push_back(record);
        }
    }
    return sessions;
}

/// Every session has all its turns, in the order of its slots, one after the answer to the other and its delay, by one
/// worker, to one target.
void check_sessions(const record::RecordSet& set, const dataset::Dataset& dataset, std::size_t sessions) {
    const auto found = by_session(set);
    CHECK(found.size() == sessions);
    for (const auto& [number, turns] : found) {
        CAPTURE(number);
        const std::size_t conversation = number % dataset.size();
        REQUIRE(turns.size() == dataset.turns(conversation));
        for (std::size_t turn = 0; turn < turns.size(); ++turn) {
            const Record& record = turns[turn];
            CAPTURE(turn);
            CHECK(record.turn == turn);
            CHECK(record.conversation == conversation);
            CHECK(record.input_tokens ==
                  (turn == 0 ? static_cast<std::int32_t>(100 + conversation) : record::k_absent));
            if (turn > 0) {
                const std::int64_t due = turns[turn - 1].end_ns + dataset.turn(conversation, turn).delay.count();
                CHECK(record.planned_ns == due);
                CHECK(record.acquired_ns >= due);
                CHECK(record.send_start_ns >= record.acquired_ns);
                CHECK(record.worker == turns[0].worker);
                CHECK(record.target == turns[0].target);
            }
        }
    }
}

/// The turn that a body asks: what its last message says.
std::string said_last(const std::string& body) {
    const std::size_t at = body.rfind("{\"user\":\"") + 9;
    return body.substr(at, body.find('"', at) - at);
}

}  // namespace

TEST_CASE("Sessions send all their turns, each with all that was said, whatever the number of workers") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server(counting());
        const auto dataset = talks({3, 1, 2});
        LoadRun run(talking({&server}, {session_loop(7, 15, 3)}, dataset, workers));
        CAPTURE(workers);
        REQUIRE(run.run());
        CHECK(run.total(&WorkerCounters::sent) == 15);
        CHECK(run.total(&WorkerCounters::sessions_sent) == 7);
        CHECK(run.total(&WorkerCounters::sessions_completed) == 7);
        const record::RecordSet& set = run.records();
        CHECK(good_ones(set) == 15);
        check_sessions(set, *dataset, 7);
        CHECK(server.most_in_flight() <= 3);
        CHECK(server.connections() <= 3);
    }
}

TEST_CASE("A slot is its session's to the end: one slot sends session after session") {
    ScriptedServer server(counting());
    LoadRun run(talking({&server}, {session_loop(3, 6, 1)}, talks({2, 3, 1})));
    REQUIRE(run.run());
    std::vector<std::string> bodies;
    for (const Request& request : server.requests()) {
        bodies.push_back(request.body);
    }
    CHECK(bodies ==
          std::vector<std::string>{
              R"({"messages":[{"user":"0.0"}],"n":1})",
              R"({"messages":[{"user":"0.0"},{"bot":"<0>"},{"user":"0.1"}],"n":1})",
              R"({"messages":[{"user":"1.0"}],"n":1})",
              R"({"messages":[{"user":"1.0"},{"bot":"<2>"},{"user":"1.1"}],"n":1})",
              R"({"messages":[{"user":"1.0"},{"bot":"<2>"},{"user":"1.1"},{"bot":"<3>"},{"user":"1.2"}],"n":1})",
              R"({"messages":[{"user":"2.0"}],"n":1})"});
    for (const Request& request : server.requests()) {
        CHECK(request.head.find("Content-Length: " + std::to_string(request.body.size()) + "\r\n") !=
              std::string::npos);
    }
}

TEST_CASE("Turns of a session carry one correlation id and request ids of their own") {
    ScriptedServer server(counting());
    load::LoadPlan plan = talking({&server}, {session_loop(2, 4, 1)}, talks({2}));
    const base::IdSource ids = plan.ids;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    const auto requests = server.requests();
    REQUIRE(requests.size() == 4);
    for (std::uint64_t slot = 0; slot < 4; ++slot) {
        CHECK(requests[slot].head.find("X-Request-ID: " + ids.request_id(slot)) != std::string::npos);
        CHECK(requests[slot].head.find("X-Correlation-ID: " + ids.correlation_id(slot / 2)) != std::string::npos);
    }
}

TEST_CASE("The next turn waits for the answer and the delay, and others use the time") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server(counting());
        const auto dataset = talks({3, 2}, 30ms);
        LoadRun run(talking({&server}, {session_loop(6, 15, 6)}, dataset, workers));
        CAPTURE(workers);
        REQUIRE(run.run());
        check_sessions(run.records(), *dataset, 6);
    }
}

TEST_CASE("A turn that fails stays in the history without an answer, and the session goes on") {
    ScriptedServer server({.on_request = [](const Request& request) {
        return request.number == 1
                   ? Steps{send_step("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nboom")}
                   : Steps{send_step(json_answer("<" + std::to_string(request.number) + ">"))};
    }});
    LoadRun run(talking({&server}, {session_loop(1, 3, 1)}, talks({3})));
    REQUIRE(run.run());
    REQUIRE(server.requests().size() == 3);
    CHECK(server.requests()[2].body ==
          R"({"messages":[{"user":"0.0"},{"bot":"<0>"},{"user":"0.1"},{"user":"0.2"}],"n":1})");
    CHECK(run.total(&WorkerCounters::errors) == 1);
    CHECK(run.total(&WorkerCounters::sessions_completed) == 1);
    CHECK(good_ones(run.records()) == 2);
}

TEST_CASE("A number of requests ends sessions in their middle, and nothing waits for a delay in vain") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server(counting());
        schedule::Phase phase = test::closed_loop(4, 3);
        LoadRun run(talking({&server}, {phase}, talks({1, 5}, 1h), workers));
        CAPTURE(workers);
        REQUIRE(run.run());  // an hour would be a hang
        CHECK(server.requests().size() == 4);
        CHECK(run.total(&WorkerCounters::sent) == 4);
        CHECK(good_ones(run.records()) == 4);
    }
}

TEST_CASE("A duration sends no turn that is due behind it, and does not wait for it") {
    ScriptedServer server(counting());
    schedule::Phase phase;
    phase.concurrency = 2;
    phase.duration = 60ms;
    LoadRun run(talking({&server}, {phase}, talks({2}, 1h), 2));
    const std::int64_t start = run.begin();
    REQUIRE(run.wait());
    const record::RecordSet& set = run.records();
    CHECK(good_ones(set) == server.requests().size());
    for (const Record& record : set.records()) {
        if (is_good(record)) {
            CHECK(record.turn == 0);
            CHECK(record.send_start_ns < start + 30'000'000'000);
        }
    }
}

TEST_CASE("A cancel in the middle closes what is in flight and drops what waits") {
    for (const std::uint32_t workers : {1U, 3U}) {
        // The second turn of the first session, and all that comes then, is held.
        ScriptedServer server({.on_request = [](const Request& request) {
            return said_last(request.body) == "0.1" ? Steps{k_hold} : Steps{send_step(json_answer("Hello"))};
        }});
        LoadRun run(sticky(talking({&server}, {session_loop(3, 9, 3)}, talks({3, 1, 5}, 0ms), workers)));
        CAPTURE(workers);
        run.begin();
        REQUIRE(server.wait_for_requests(8));  // all but the third turn of the first session
        run.stop(Stop::in_flight);
        REQUIRE(run.wait());
        const auto sessions = by_session(run.records());
        REQUIRE(sessions.at(0).size() == 2);
        CHECK(sessions.at(0)[1].error == static_cast<std::uint8_t>(ErrorKind::cancelled));
        CHECK(sessions.at(2).size() == 5);
    }
}

TEST_CASE("A stop of sending ends sessions after the answer they wait for") {
    ScriptedServer server({.on_request = [](const Request&) {
        return Steps{k_hold, send_step(json_answer("Hello"))};
    }});
    LoadRun run(talking({&server}, {session_loop(2, 6, 2)}, talks({3})));
    run.begin();
    REQUIRE(server.wait_for_requests(2));
    run.stop(Stop::sending);
    server.release();
    REQUIRE(run.wait());
    CHECK(server.requests().size() == 2);
    CHECK(good_ones(run.records()) == 2);
    CHECK(run.total(&WorkerCounters::sessions_sent) == 2);
    CHECK(run.total(&WorkerCounters::sessions_completed) == 0);
}

TEST_CASE("Sessions take the targets in turn and stay there") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer first(counting());
        ScriptedServer second(counting());
        const auto dataset = talks({2});
        LoadRun run(talking({&first, &second}, {session_loop(6, 12, 3)}, dataset, workers));
        CAPTURE(workers);
        REQUIRE(run.run());
        CHECK(first.requests().size() == 6);
        CHECK(second.requests().size() == 6);
        const record::RecordSet& set = run.records();
        check_sessions(set, *dataset, 6);
        for (const auto& [number, turns] : by_session(set)) {
            CHECK(turns[0].target == number % 2);
        }
    }
}

TEST_CASE("A sticky session has a connection of its own for all its turns, and closes it") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server(counting());
        LoadRun run(sticky(talking({&server}, {session_loop(6, 16, 3)}, talks({3, 2, 3}), workers)));
        CAPTURE(workers);
        REQUIRE(run.run());
        CHECK(server.connections() == 6);
        std::map<std::string, std::set<std::size_t>> used;
        for (const Request& request : server.requests()) {
            const std::size_t at = request.head.find("X-Correlation-ID: ");
            used[request.head.substr(at, 54)].insert(request.connection);
        }
        CHECK(used.size() == 6);
        for (const auto& [session, connections] : used) {
            CHECK(connections.size() == 1);
        }
        std::size_t reused = 0;
        for (const Record& record : run.records().records()) {
            reused += (record.flags & record::flag::reused) != 0 ? 1U : 0U;
        }
        CHECK(reused == 10);
    }
}

TEST_CASE("A sticky session whose server closes the connection goes on over a new one") {
    ScriptedServer server({.on_request = [](const Request& request) {
        Steps steps{send_step(json_answer("Hello"))};
        if (request.number == 0) {
            steps.push_back(k_close);
        }
        return steps;
    }});
    LoadRun run(sticky(talking({&server}, {session_loop(1, 3, 1)}, talks({3}, 20ms))));
    REQUIRE(run.run());
    CHECK(server.connections() == 2);
    CHECK(good_ones(run.records()) == 3);
}

TEST_CASE("Without reuse every turn has its connection") {
    ScriptedServer server(counting());
    load::LoadPlan plan = talking({&server}, {session_loop(2, 6, 1)}, talks({3}));
    plan.connection_reuse = config::ConnectionReuse::never;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    CHECK(server.connections() == 6);
}

TEST_CASE("At a rate, each turn takes an instant of the schedule, and a session under way goes before a new one") {
    ScriptedServer server(counting());
    schedule::Phase phase = test::constant_rate(9, 100);
    phase.sessions = 3;
    const auto dataset = talks({3});
    LoadRun run(talking({&server}, {phase}, dataset));
    const std::int64_t start = run.begin();
    REQUIRE(run.wait());
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() == 9);
    CHECK(good_ones(set) == 9);
    for (std::size_t slot = 0; slot < 9; ++slot) {
        const Record& record = set.records()[slot];
        CHECK(record.send_start_ns >= start + static_cast<std::int64_t>(slot + 1) * 10'000'000);
        CHECK(record.planned_ns >= start + static_cast<std::int64_t>(slot + 1) * 10'000'000);
    }
    for (const auto& [number, turns] : by_session(set)) {
        REQUIRE(turns.size() == 3);
        CHECK(turns[1].send_start_ns >= turns[0].end_ns);
        CHECK(turns[2].send_start_ns >= turns[1].end_ns);
    }
}

TEST_CASE("At a rate with several workers no instant is lost") {
    ScriptedServer server(counting());
    schedule::Phase phase = test::constant_rate(12, 400);
    phase.sessions = 4;
    phase.concurrency = 4;
    LoadRun run(talking({&server}, {phase}, talks({3}, 2ms), 3));
    REQUIRE(run.run());
    CHECK(server.requests().size() == 12);
    CHECK(run.total(&WorkerCounters::sessions_completed) == 4);
    CHECK(good_ones(run.records()) == 12);
}

TEST_CASE("Phases begin their sessions anew, with ids of their own") {
    ScriptedServer server(counting());
    load::LoadPlan plan = talking({&server}, {session_loop(1, 2, 1), session_loop(2, 5, 2)}, talks({2, 3}), 2);
    plan.phases[0].profiling = false;
    LoadRun run(std::move(plan));
    REQUIRE(run.run(0));
    REQUIRE(run.run(1));
    CHECK(server.requests().size() == 7);
    std::set<std::string> sessions;
    for (const Request& request : server.requests()) {
        sessions.insert(request.head.substr(request.head.find("X-Correlation-ID: "), 54));
    }
    CHECK(sessions.size() == 3);
    CHECK(good_ones(run.records()) == 7);
}

TEST_CASE("URLs of one server share its connections") {
    ScriptedServer server(counting());
    load::LoadPlan plan = talking({&server, &server}, {session_loop(4, 8, 1)}, talks({2}));
    plan.targets[1].head.replace(plan.targets[1].head.find("/v1"), 3, "/v2");
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    CHECK(server.connections() == 1);
    const auto requests = server.requests();
    REQUIRE(requests.size() == 8);
    for (std::size_t number = 0; number < 8; ++number) {
        CHECK(requests[number].head.starts_with(number / 2 % 2 == 0 ? "POST /v1/" : "POST /v2/"));
    }
}
