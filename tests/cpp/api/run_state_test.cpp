#include "aiperf/api/run_state.hpp"

#include "aiperf/api/status_file.hpp"
#include "registry.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <future>
#include <sstream>
#include <stdexcept>

using namespace aiperf;
using namespace std::chrono_literals;
using api::RunState;
using api::Status;
using api::SystemState;
using nlohmann::json;

namespace {

api::RunFacts facts() {
    api::RunFacts facts;
    facts.run_id = "0123456789ab";
    facts.pid = 4711;
    facts.started_at_ns = 1795552735'123456789;
    return facts;
}

api::Ending ending(Status status) {
    api::Ending ending;
    ending.status = status;
    ending.results_json = R"({"records":[]})";
    return ending;
}

std::string text_of(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("a run that lasts says so, with who it is") {
    const RunState state(facts());
    const json body = json::parse(state.status_body());
    REQUIRE(body["status"] == "running");
    REQUIRE(body["results"].is_null());
    REQUIRE(body["error"].is_null());
    REQUIRE(body["exit_code"].is_null());
    REQUIRE(body["run_id"] == "0123456789ab");
    REQUIRE(body["pid"] == 4711);
    REQUIRE(body["seq"] == 1);
    REQUIRE(body["started_at"] == "2026-11-24T20:38:55.123456Z");
}

TEST_CASE("a terminal status is published once and never changes") {
    for (const Status status : {Status::complete, Status::cancelled, Status::incomplete}) {
        RunState state(facts());
        REQUIRE(state.publish(ending(status)));
        const std::string body = state.status_body();
        for (const Status other : {Status::complete, Status::cancelled, Status::incomplete}) {
            REQUIRE_FALSE(state.publish(ending(other)));
        }
        REQUIRE(state.status_body() == body);
        REQUIRE(json::parse(body)["status"] == api::to_string(status));
        REQUIRE(json::parse(body)["seq"] == 2);
    }
}

TEST_CASE("running is no way to end") {
    RunState state(facts());
    REQUIRE_THROWS_AS(state.publish(ending(Status::running)), std::invalid_argument);
    REQUIRE(state.publish(ending(Status::complete)));
}

TEST_CASE("results and error of an ending are in the status body") {
    RunState state(facts());
    api::Ending failed = ending(Status::incomplete);
    failed.results_json.clear();
    failed.error = api::RunFailure{"SystemError", "cannot write: No space left on device"};
    failed.exit_code = 1;
    REQUIRE(state.publish(failed));
    const json body = json::parse(state.status_body());
    REQUIRE(body["results"].is_null());
    REQUIRE(body["error"] == json{{"type", "SystemError"}, {"message", "cannot write: No space left on device"}});
    REQUIRE(body["exit_code"] == 1);

    RunState good(facts());
    REQUIRE(good.publish(ending(Status::complete)));
    REQUIRE(json::parse(good.status_body())["results"] ==
            json{{"results", {{"records", json::array()}}}, {"errors", json::array()}});
}

TEST_CASE("the record of an ending is made before anybody sees the status") {
    RunState state(facts());
    std::string recorded;
    REQUIRE(state.publish(ending(Status::complete), [&](const std::string& body) {
        REQUIRE(state.status() == Status::running);
        recorded = body;
    }));
    REQUIRE(recorded == state.status_body());
}

TEST_CASE("a record that cannot be made does not hide the status") {
    RunState state(facts());
    REQUIRE_THROWS_WITH(
        state.publish(ending(Status::complete), [](const std::string&) { throw std::runtime_error("disk full"); }),
        "disk full");
    REQUIRE(state.status() == Status::complete);
}

TEST_CASE("the system state only goes forward, and a late progress does not take it back") {
    RunState state(facts());
    state.set_system_state(SystemState::processing);
    state.set_system_state(SystemState::profiling);
    REQUIRE(state.view().progress.system_state == SystemState::processing);
    api::Progress late;
    late.system_state = SystemState::configuring;
    late.updated_at_ns = 7;
    state.set_progress(late);
    REQUIRE(state.view().progress.system_state == SystemState::processing);
    REQUIRE(state.view().progress.updated_at_ns == 7);
}

TEST_CASE("who waits for the end is woken by it, and only by it") {
    RunState state(facts());
    state.set_progress({});
    REQUIRE_FALSE(state.wait_until_terminal(base::now()));
    auto waiter = std::async(std::launch::async, [&] { return state.wait_until_terminal(base::now() + 60s); });
    REQUIRE(state.publish(ending(Status::cancelled)));
    REQUIRE(waiter.get());
}

TEST_CASE("status.json and api.json hold what the server says") {
    const test::TemporaryDirectory directory;
    const RunState state(facts());
    api::write_status_file(directory.path(), state.status_body());
    REQUIRE(text_of(directory.path() / "status.json") == state.status_body() + "\n");
    api::write_api_file(directory.path(), {"http://[::1]:80", "::1", 80, "/run/s", 4711, "0123456789ab"});
    REQUIRE(json::parse(text_of(directory.path() / "api.json")) == json{{"url", "http://[::1]:80"},
                                                                        {"host", "::1"},
                                                                        {"port", 80},
                                                                        {"socket", "/run/s"},
                                                                        {"pid", 4711},
                                                                        {"run_id", "0123456789ab"}});
    const auto files = std::distance(std::filesystem::directory_iterator(directory.path()), {});
    REQUIRE(files == 2);
}
