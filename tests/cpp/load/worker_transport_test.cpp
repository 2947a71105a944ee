#include "aiperf/load/worker.hpp"
#include "compressed.hpp"
#include "fed_answer.hpp"
#include "load_run.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace aiperf;  // NOLINT: a test
using record::ErrorKind;
using record::Record;
using test::closed_loop;
using test::k_close;
using test::LoadRun;
using test::plan_for;
using test::ScriptedServer;
using test::send_step;
using Request = ScriptedServer::Request;
using Steps = ScriptedServer::Steps;

namespace {

const std::string k_good = test::json_answer("Hello");

std::string redirect_to(const std::string& location, const std::string& status = "307 Temporary Redirect") {
    return "HTTP/1.1 " + status + "\r\nLocation: " + location + "\r\nContent-Length: 5\r\n\r\nthere";
}

ScriptedServer::Script answering(std::string answer) {
    return {.on_request = [answer = std::move(answer)](const Request&) { return Steps{send_step(answer)}; }};
}

/// The record's own error as exports tell it.
record::ErrorDetails error_of(const record::RecordSet& set, std::size_t slot) {
    return record::error_details(set, set.records()[slot]);
}

/// Answers "/v1/..." by sending the request elsewhere, and everything else well.
ScriptedServer::Script moving_to(const std::string& place) {
    return {.on_request = [place](const Request& request) {
        const bool old = request.head.starts_with("POST /v1/");
        return Steps{send_step(old ? redirect_to(place) : k_good)};
    }};
}

}  // namespace

TEST_CASE("A redirect is an error that names the place, and the connection can go on") {
    ScriptedServer server(answering(redirect_to("http://elsewhere/x", "302 Found")));
    LoadRun run(plan_for({&server}, {closed_loop(3, 1)}));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    CHECK(server.connections() == 1);
    for (std::size_t slot = 0; slot < 3; ++slot) {
        CHECK(error_of(set, slot).code == 302);
        CHECK(error_of(set, slot).type == "Found");
        CHECK(error_of(set, slot).message ==
              "redirected to http://elsewhere/x: redirects are not followed without --follow-redirects");
    }
}

TEST_CASE("A redirect is followed where that was asked for, and counts from its first request") {
    for (const std::uint32_t workers : {1U, 3U}) {
        ScriptedServer server(moving_to("/v2/here"));
        load::LoadPlan plan = plan_for({&server}, {closed_loop(20, 4)});
        plan.redirects = 1;
        plan.workers = workers;
        LoadRun run(std::move(plan));
        REQUIRE(run.run());
        const record::RecordSet& set = run.records();
        CHECK(server.requests().size() == 40);
        CHECK(server.connections() <= 8);
        for (const Record& record : set.records()) {
            CHECK(record.error == 0);
            CHECK((record.flags & record::flag::redirected) != 0);
            CHECK(record.http_status == 200);
            CHECK(record.send_start_ns <= record.send_end_ns);
            CHECK(record.send_end_ns <= record.first_byte_ns);
            CHECK(set.output_text(record) == "Hello");
        }
        for (const Request& request : server.requests()) {
            CHECK(request.body.starts_with("{\"n\":"));
        }
    }
}

TEST_CASE("A redirect that goes round ends at the limit") {
    ScriptedServer server(answering(redirect_to("/v1/chat/completions")));
    load::LoadPlan plan = plan_for({&server}, {closed_loop(1, 1)});
    plan.redirects = 3;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    CHECK(server.requests().size() == 4);
    CHECK_THAT(error_of(run.records(), 0).message, Catch::Contains("the limit of --follow-redirects is reached"));
}

TEST_CASE("A redirect to another of the run's servers is followed there") {
    ScriptedServer second(answering(k_good));
    ScriptedServer first(answering(redirect_to("http://127.0.0.1:" + std::to_string(second.port()) + "/v1/x")));
    load::LoadPlan plan = plan_for({&first, &second}, {closed_loop(6, 2)});
    plan.redirects = 2;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    CHECK(first.requests().size() == 3);
    CHECK(second.requests().size() == 6);
    for (const Record& record : run.records().records()) {
        CHECK(record.error == 0);
    }
}

TEST_CASE("A server that hangs up behind its redirect is met on a fresh connection") {
    ScriptedServer server({.on_request = [](const Request& request) {
        return request.head.starts_with("POST /v1/") ? Steps{send_step(redirect_to("/v2")), k_close}
                                                     : Steps{send_step(k_good)};
    }});
    load::LoadPlan plan = plan_for({&server}, {closed_loop(12, 3)});
    plan.redirects = 1;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    for (const Record& record : run.records().records()) {
        CHECK(record.error == 0);
    }
}

TEST_CASE("Connections begin with each address in turn and turn to the next where one refuses") {
    ScriptedServer server(answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    std::uint16_t refusing = 0;
    {
        const ScriptedServer gone(answering(k_good));
        refusing = gone.port();
    }
    load::LoadPlan plan = plan_for({&server}, {closed_loop(10, 1)});
    plan.targets[0].addresses = {load::Address::of_ip("127.0.0.1", refusing),
                                 load::Address::of_ip("127.0.0.1", server.port())};
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    CHECK(server.connections() == 10);
    for (const Record& record : run.records().records()) {
        CHECK(record.http_status == 200);
        CHECK(record.connect_start_ns <= record.connect_end_ns);
    }
}

TEST_CASE("Where every address refuses, the last one is named") {
    std::uint16_t refusing = 0;
    {
        const ScriptedServer gone(answering(k_good));
        refusing = gone.port();
    }
    ScriptedServer server(answering(k_good));
    load::LoadPlan plan = plan_for({&server}, {closed_loop(2, 1)});
    plan.targets[0].addresses = {load::Address::of_ip("127.0.0.2", refusing),
                                 load::Address::of_ip("127.0.0.3", refusing)};
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    CHECK(error_of(set, 0).type == "ClientConnectorError");
    CHECK_THAT(error_of(set, 0).message, Catch::Contains("Connect call failed ('127.0.0.3', "));
    CHECK_THAT(error_of(set, 1).message, Catch::Contains("Connect call failed ('127.0.0.2', "));
}

TEST_CASE("Coded answers are read and counted like plain ones") {
    const std::string json = k_good.substr(k_good.find("\r\n\r\n") + 4);
    const auto coded = [](const std::string& name, const std::string& body) {
        return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: " + name +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    };
    for (const std::string& answer : {coded("gzip", test::gzipped(json)),
                                      coded("zstd", test::zstandard(json)),
                                      coded("deflate", test::deflated(json, 15))}) {
        ScriptedServer server(answering(answer));
        LoadRun run(plan_for({&server}, {closed_loop(4, 2)}));
        REQUIRE(run.run());
        const record::RecordSet& set = run.records();
        CHECK(server.connections() <= 2);
        for (const Record& record : set.records()) {
            CHECK(record.error == 0);
            CHECK(set.output_text(record) == "Hello");
            CHECK(record.usage_total_tokens == 5);
        }
    }
}
