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
using load::Stop;
using load::WorkerCounters;
using record::ErrorKind;
using record::Record;
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

ScriptedServer::Script answering(Steps steps) {
    return {.on_request = [steps](const Request&) { return steps; }};
}

load::LoadPlan with_workers(load::LoadPlan plan, std::uint32_t workers) {
    plan.workers = workers;
    return plan;
}

/// Records that are not good answers.
std::size_t failures(const record::RecordSet& set) {
    return static_cast<std::size_t>(std::count_if(set.records().begin(), set.records().end(), [](const Record& record) {
        return record.error != 0 || record.state != static_cast<std::uint16_t>(record::State::committed);
    }));
}

std::size_t with_flag(const record::RecordSet& set, std::uint32_t flag) {
    return static_cast<std::size_t>(std::count_if(set.records().begin(),
                                                  set.records().end(),
                                                  [flag](const Record& record) { return (record.flags & flag) != 0; }));
}

bool stamps_are_in_order(const Record& record) {
    const std::vector<std::int64_t> stamps{record.planned_ns,
                                           record.acquired_ns,
                                           record.send_start_ns,
                                           record.send_end_ns,
                                           record.first_byte_ns,
                                           record.headers_ns,
                                           record.first_content_ns,
                                           record.last_content_ns,
                                           record.end_ns};
    return std::is_sorted(stamps.begin(), stamps.end()) &&
           (record.connect_start_ns == 0 ||
            (record.acquired_ns <= record.connect_start_ns && record.connect_start_ns <= record.connect_end_ns &&
             record.connect_end_ns <= record.send_start_ns));
}

const Steps k_good{send_step(json_answer("Hello"))};

}  // namespace

TEST_CASE("A closed loop sends exactly its requests and fills its slots, never more") {
    for (const std::uint32_t workers : {1U, 3U}) {
        for (const std::uint32_t concurrency : {1U, 2U, 8U}) {
            // Held until all slots are used: with fewer it would not go on.
            ScriptedServer server({.on_request =
                                       [](const Request&) {
                                           return Steps{k_hold, k_good[0]};
                                       },
                                   .gather = concurrency});
            LoadRun run(with_workers(plan_for({&server}, {closed_loop(48, concurrency)}), workers));
            CAPTURE(workers, concurrency);
            REQUIRE(run.run());
            CHECK(run.total(&WorkerCounters::sent) == 48);
            CHECK(run.total(&WorkerCounters::completed) == 48);
            CHECK(run.total(&WorkerCounters::errors) == 0);
            const record::RecordSet& set = run.records();
            CHECK(server.requests().size() == 48);
            CHECK(server.most_in_flight() == concurrency);
            CHECK(server.connections() == concurrency);
            REQUIRE(set.records().size() == 48);
            CHECK(failures(set) == 0);
        }
    }
}

TEST_CASE("A request leaves all its stamps in order, and what it was about") {
    ScriptedServer server(answering(k_good));
    LoadRun run(plan_for({&server}, {closed_loop(7, 1)}));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() == 7);
    const auto requests = server.requests();
    for (std::size_t slot = 0; slot < 7; ++slot) {
        const Record& record = set.records()[slot];
        CAPTURE(slot);
        CHECK(stamps_are_in_order(record));
        CHECK(record.session == slot);
        CHECK(record.conversation == slot % 3);
        CHECK(record.input_tokens == static_cast<std::int32_t>(100 + slot % 3));
        CHECK(record.requested_tokens == 5);
        CHECK(record.http_status == 200);
        CHECK(record.usage_total_tokens == 5);
        CHECK(record.request_bytes == requests[slot].head.size() + requests[slot].body.size());
        CHECK(set.output_text(record) == "Hello");
        CHECK(requests[slot].body == "{\"n\":" + std::to_string(slot % 3) + "}");
    }
}

TEST_CASE("The head on the wire is the target's, with the ids of its slot") {
    ScriptedServer server(answering(k_good));
    load::LoadPlan plan = plan_for({&server}, {closed_loop(2, 1), closed_loop(2, 1)});
    const base::IdSource ids = plan.ids;
    LoadRun run(std::move(plan));
    REQUIRE(run.run(0));
    REQUIRE(run.run(1));
    const auto requests = server.requests();
    REQUIRE(requests.size() == 4);
    for (std::uint64_t slot = 0; slot < 4; ++slot) {
        const std::string session = ids.correlation_id((slot / 2) << 32U | slot % 2);  // no id twice in a run
        CHECK(requests[slot].head ==
              "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                  "\r\nUser-Agent: test\r\nX-Request-ID: " + ids.request_id(slot) + "\r\nX-Correlation-ID: " + session +
                  "\r\nAccept: application/json\r\nContent-Type: application/json\r\n"
                  "X-Session-Affinity: " +
                  session + "\r\nContent-Length: 7\r\n\r\n");
    }
}

TEST_CASE("Connections are kept and used again, and the records say so") {
    ScriptedServer server(answering(k_good));
    LoadRun run(plan_for({&server}, {closed_loop(5, 1), closed_loop(5, 1)}));
    REQUIRE(run.run(0));
    REQUIRE(run.run(1));  // over phases too
    const record::RecordSet& set = run.records();
    CHECK(server.connections() == 1);
    REQUIRE(set.records().size() == 10);
    CHECK(with_flag(set, record::flag::reused) == 9);
    CHECK(set.records()[0].connect_start_ns > 0);
    for (std::size_t slot = 1; slot < 10; ++slot) {
        CHECK(set.records()[slot].connect_start_ns == 0);
        CHECK(set.records()[slot].phase == slot / 5);
    }
}

TEST_CASE("A connection is not used again where the server says so") {
    const std::string closing =
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + json_answer("x").substr(json_answer("x").find('{'));
    ScriptedServer server(answering({send_step(closing), test::k_close}));
    LoadRun run(plan_for({&server}, {closed_loop(5, 1)}));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    CHECK(server.connections() == 5);
    CHECK(failures(set) == 0);
    CHECK(with_flag(set, record::flag::reused) == 0);
    CHECK(with_flag(set, record::flag::retried) == 0);
}

TEST_CASE("A server that closes after each answer without saying so costs no request") {
    for (const std::uint32_t concurrency : {1U, 4U}) {
        ScriptedServer server(answering({k_good[0], test::k_close}));
        LoadRun run(plan_for({&server}, {closed_loop(60, concurrency)}));
        REQUIRE(run.run());
        const record::RecordSet& set = run.records();
        CHECK(failures(set) == 0);
        CHECK(set.records().size() == 60);
        CHECK(server.requests().size() >= 60);
        CHECK(with_flag(set, record::flag::reused) == 0);
    }
}

TEST_CASE("A request that meets a closed or reset pooled connection is sent anew, once, and says so") {
    for (const ScriptedServer::Step& end : {test::k_close, test::k_reset}) {
        // Each connection serves one request and breaks off at the next.
        ScriptedServer server(
            {.on_request = [end](const Request& request) { return request.on_connection == 0 ? k_good : Steps{end}; }});
        LoadRun run(plan_for({&server}, {closed_loop(10, 1)}));
        REQUIRE(run.run());
        CHECK(run.total(&WorkerCounters::retries) == 9);
        const record::RecordSet& set = run.records();
        CHECK(failures(set) == 0);
        CHECK(server.requests().size() == 19);
        CHECK(server.connections() == 10);
        CHECK(with_flag(set, record::flag::retried) == 9);
        CHECK(with_flag(set, record::flag::reused) == 0);
        for (const Record& record : set.records()) {
            CHECK(stamps_are_in_order(record));
            CHECK(record.connect_start_ns > 0);
        }
    }
}

TEST_CASE("A fresh connection that is closed or reset without an answer is an error, and not tried again") {
    ScriptedServer server({.on_request = [](const Request& request) {
        return Steps{request.number % 2 == 0 ? test::k_close : test::k_reset};
    }});
    LoadRun run(plan_for({&server}, {closed_loop(6, 1)}));
    REQUIRE(run.run());
    CHECK(run.total(&WorkerCounters::errors) == 6);
    CHECK(run.total(&WorkerCounters::retries) == 0);
    const record::RecordSet& set = run.records();
    CHECK(server.requests().size() == 6);
    for (std::size_t slot = 0; slot < 6; ++slot) {
        const auto details = error_details(set, set.records()[slot]);
        CHECK(details.message == (slot % 2 == 0 ? "ServerDisconnectedError('Server disconnected')"
                                                : "ClientOSError(104, 'Connection reset by peer')"));
    }
}

TEST_CASE("An answer that breaks off is a payload error and is not tried again") {
    const std::string half = test::k_stream_head + test::chunk_of(test::content_event("Half"));
    ScriptedServer server({.on_request = [half](const Request& request) {
        return Steps{send_step(half), request.number % 2 == 0 ? test::k_close : test::k_half_close};
    }});
    LoadRun run(plan_for({&server}, {closed_loop(4, 1)}));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    CHECK(server.requests().size() == 4);
    for (const Record& record : set.records()) {
        CHECK(record.error == static_cast<std::uint8_t>(ErrorKind::payload));
        CHECK(set.output_text(record) == "Half");
    }
}

TEST_CASE("A reset in the middle of a body is told with the system's words") {
    // The client has read the half before the reset is sent: it holds the server's other connection only then.
    const std::string half = test::k_stream_head + test::chunk_of(test::content_event("Half"));
    ScriptedServer server({.on_request = [half](const Request&) {
        return Steps{send_step(half), k_hold, test::k_reset};
    }});
    LoadRun run(plan_for({&server}, {closed_loop(1, 1)}));
    run.begin();
    REQUIRE(server.wait_for_requests(1));
    server.release();
    REQUIRE(run.wait());
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() == 1);
    const auto details = error_details(set, set.records()[0]);
    // A reset may overtake what was sent before it: then there was no head yet.
    CHECK_THAT(details.message,
               Catch::EndsWith("(104, 'Connection reset by peer')\")") ||
                   Catch::Equals("ClientOSError(104, 'Connection reset by peer')"));
}

TEST_CASE("Nobody listening is an error of each request, in AIPerf's words") {
    std::uint16_t port = 0;
    {
        const ScriptedServer gone(answering(k_good));
        port = gone.port();
    }
    load::LoadPlan plan = plan_for({}, {closed_loop(6, 2)});
    plan.targets.push_back(test::target_on(port));
    LoadRun run(with_workers(std::move(plan), 2));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() == 6);
    for (const Record& record : set.records()) {
        CHECK(record.error == static_cast<std::uint8_t>(ErrorKind::connect));
        CHECK(record.http_status == 0);
        CHECK(record.send_start_ns == 0);
        CHECK(record.connect_start_ns > 0);
        CHECK(record.end_ns >= record.connect_start_ns);
        CHECK_THAT(error_details(set, record).message,
                   Catch::Contains("port=" + std::to_string(port)) &&
                       Catch::EndsWith("ConnectionRefusedError(111, \"Connect call failed ('127.0.0.1', " +
                                       std::to_string(port) + ")\"))"));
    }
}

TEST_CASE("A server that answers before it is asked is heard, even if it says no more") {
    const std::string busy = test::answer_of("503 Service Unavailable", "full");
    ScriptedServer server({.on_request = [](const Request&) { return Steps{k_hold}; },
                           .on_connect =
                               [busy](std::size_t) {
                                   return Steps{send_step(busy), test::k_half_close};
                               }});
    LoadRun run(plan_for({&server}, {closed_loop(3, 1)}));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() == 3);
    for (const Record& record : set.records()) {
        CHECK(error_details(set, record) == record::ErrorDetails{503, "Service Unavailable", "full"});
    }
}

TEST_CASE("Connections serve one request each where they are not to be shared") {
    for (const auto reuse : {config::ConnectionReuse::never, config::ConnectionReuse::sticky_user_sessions}) {
        ScriptedServer server(answering(k_good));
        load::LoadPlan plan = plan_for({&server}, {closed_loop(6, 2)});
        plan.connection_reuse = reuse;
        LoadRun run(std::move(plan));
        REQUIRE(run.run());
        const record::RecordSet& set = run.records();
        CHECK(failures(set) == 0);
        CHECK(with_flag(set, record::flag::reused) == 0);
        CHECK(server.connections() == 6);
    }
}

TEST_CASE("Too large a share of failures stops all workers, what is in flight finishes") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server({.on_request = [](const Request& request) {
            return request.number % 2 == 0 ? k_good : Steps{send_step(test::answer_of("500 Oh", "no"))};
        }});
        load::LoadPlan plan = with_workers(plan_for({&server}, {closed_loop(1000, 6)}), workers);
        plan.failed_request_threshold = 0.2;
        LoadRun run(std::move(plan));
        run.begin();
        REQUIRE(run.wait());
        CHECK(run.state().too_many_failures.load() == 1);
        CHECK(run.state().stop.load() == static_cast<std::uint32_t>(Stop::sending));
        const std::uint64_t completed = run.total(&WorkerCounters::completed);
        CHECK(completed == run.total(&WorkerCounters::sent));
        CHECK(completed >= 10);
        CHECK(completed < 1000);
        for (const Record& record : run.records().records()) {
            CHECK(record.error != static_cast<std::uint8_t>(ErrorKind::cancelled));
        }
    }
}

TEST_CASE("Failures up to the threshold, in a warm-up, or among few requests stop nothing") {
    const auto run_with = [](double threshold, std::uint64_t requests, bool profiling) {
        ScriptedServer server({.on_request = [](const Request& request) {
            return request.number % 2 == 0 ? k_good : Steps{send_step(test::answer_of("500 Oh", "no"))};
        }});
        schedule::Phase phase = closed_loop(requests, 1);
        phase.profiling = profiling;
        load::LoadPlan plan = plan_for({&server}, {phase});
        plan.failed_request_threshold = threshold;
        LoadRun run(std::move(plan));
        REQUIRE(run.run());
        CHECK(run.state().too_many_failures.load() == 0);
        CHECK(run.total(&WorkerCounters::completed) == requests);
    };
    run_with(0.5, 40, true);
    run_with(0.0, 40, false);
    run_with(0.2, 9, true);
}

TEST_CASE("A body larger than the sockets' buffers arrives whole") {
    const std::string body(12U << 20U, 'b');
    ScriptedServer server(answering(k_good));
    load::LoadPlan plan = plan_for({&server}, {closed_loop(2, 1)});
    plan.dataset = std::make_shared<test::Bodies>(std::vector<std::string>{body});
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    CHECK(failures(set) == 0);
    for (const Request& request : server.requests()) {
        CHECK(request.body == body);
    }
    CHECK(stamps_are_in_order(set.records()[0]));
}

TEST_CASE("An answer that comes before the request was sent whole counts, and its connection is given up") {
    ScriptedServer server(
        {.on_request = [](const Request&) { return Steps{send_step(test::answer_of("413 Too Large", "no"))}; },
         .answer_at_head = true});
    load::LoadPlan plan = plan_for({&server}, {closed_loop(3, 1)});
    plan.dataset = std::make_shared<test::Bodies>(std::vector<std::string>{std::string(32U << 20U, 'b')});
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    CHECK(server.connections() == 3);
    REQUIRE(set.records().size() == 3);
    for (const Record& record : set.records()) {
        CHECK(record.http_status == 413);
        CHECK(record.send_end_ns == 0);
    }
}

TEST_CASE("Bytes behind an answer do not become the next one's") {
    // Exactly as long as the worker's buffer, so that the rest may be left in the socket.
    constexpr std::size_t k_buffer = 64UL * 1024;
    const std::size_t around = json_answer(std::string(k_buffer - 1000, 'x')).size() - (k_buffer - 1000);
    const std::string answer = json_answer(std::string(k_buffer - around, 'x'));
    REQUIRE(answer.size() == k_buffer);
    for (const std::string& bytes : {answer + "HTTP/1.1 500 Not yours\r\n\r\n", json_answer("y") + "x"}) {
        ScriptedServer server(answering({send_step(bytes)}));
        load::LoadPlan plan = plan_for({&server}, {closed_loop(20, 2)});
        plan.socket.receive_buffer_bytes = 4 << 20;  // the rest does not wait for room, which would make it come later
        LoadRun run(std::move(plan));
        REQUIRE(run.run());
        const record::RecordSet& set = run.records();
        CHECK(failures(set) == 0);
        CHECK(with_flag(set, record::flag::reused) == 0);
    }
}

TEST_CASE("Requests go round over all targets, whatever the number of workers") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer one(answering(k_good));
        ScriptedServer two(answering(k_good));
        LoadRun run(with_workers(plan_for({&one, &two}, {closed_loop(31, 6)}), workers));
        REQUIRE(run.run());
        const record::RecordSet& set = run.records();
        CHECK(one.requests().size() == 16);
        CHECK(two.requests().size() == 15);
        for (std::size_t slot = 0; slot < set.records().size(); ++slot) {
            CHECK(set.records()[slot].target == slot % 2);
        }
        for (const Request& request : two.requests()) {
            CHECK(request.head.find("Host: 127.0.0.1:" + std::to_string(two.port()) + "\r\n") != std::string::npos);
        }
    }
}

TEST_CASE("Answers in one burst of events and answers in pieces give the same text") {
    const std::vector<std::string> events{test::k_role_event,
                                          test::content_event("Zür"),
                                          test::content_event("ich 東京"),
                                          test::usage_event(4, 2),
                                          test::k_done_event};
    const std::string stream = test::stream_of(events);
    ScriptedServer server({.on_request = [&stream](const Request& request) {
        Steps steps;
        const std::size_t piece = request.number == 0 ? stream.size() : request.number;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            steps.push_back(send_step(stream.substr(at, piece)));
        }
        return steps;
    }});
    LoadRun run(plan_for({&server}, {closed_loop(40, 1)}));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() == 40);
    for (const Record& record : set.records()) {
        CHECK(record.error == 0);
        CHECK(set.output_text(record) == "Zürich 東京");
        CHECK(record.usage_completion_tokens == 2);
        CHECK(set.events(record).size() == events.size());
        CHECK(stamps_are_in_order(record));
    }
    CHECK(with_flag(set, record::flag::streamed) == 40);
    CHECK(run.state().counters(0).time_to_first_token.count() == 40);
    CHECK(run.state().counters(0).inter_token_latency.count() == 40);
}

TEST_CASE("Phases follow each other with slots of their own and counters from zero") {
    ScriptedServer server(answering(k_good));
    schedule::Phase warmup = closed_loop(6, 2);
    warmup.name = "warmup";
    warmup.profiling = false;
    LoadRun run(with_workers(plan_for({&server}, {warmup, closed_loop(10, 3)}), 3));
    REQUIRE(run.run(0));
    CHECK(run.total(&WorkerCounters::completed) == 6);
    REQUIRE(run.run(1));
    CHECK(run.total(&WorkerCounters::completed) == 10);
    const record::RecordSet& set = run.records();
    REQUIRE(set.records().size() == 16);
    for (std::size_t slot = 0; slot < 16; ++slot) {
        CHECK(set.records()[slot].phase == (slot < 6 ? 0 : 1));
        CHECK(set.records()[slot].session == (slot < 6 ? slot : slot - 6));
    }
    REQUIRE(set.info().phases.size() == 2);
    CHECK(set.info().phases[1].first_slot == 6);
}
