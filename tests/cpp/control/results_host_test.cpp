#include "results_host.hpp"

#include "../api/api_fixture.hpp"
#include "aiperf/base/error.hpp"
#include "crew_fixture.hpp"
#include "raw_http_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <map>
#include <sys/wait.h>
#include <thread>

using namespace aiperf;
using namespace std::chrono_literals;
using control::ResultsHost;
using nlohmann::json;
using test::hang_limit;
using test::RawAnswer;
using test::RawHttpClient;

namespace {

enum class Place : std::uint8_t { thread, process };

/// A run with a results server, told what happens as a run tells it.
class Hosted {
public:
    /// `patience`: for the process to obey a stop, and then SIGTERM.
    explicit Hosted(Place place, api::ServerOptions options = quick(), base::Nanoseconds patience = 10s) {
        control::ProcessKit kit = test::kit_for(supervisor);
        kit.times.task_cancel_timeout_short = patience;
        control::ResultsEvents events;
        events.on_shutdown_request = [this] { told.add("shutdown"); };
        events.on_death = [this](const std::string& sentence) { told.add(sentence); };
        host = place == Place::thread ? control::host_in_thread(run.state, std::move(options), std::move(events))
                                      : control::host_in_process(run.facts(), options, std::move(events), kit);
    }

    static api::ServerOptions quick() {
        api::ServerOptions options;
        options.shutdown_timeout = 50ms;
        return options;
    }

    void show(const api::Progress& progress) {
        host->show(progress);
        run.state.set_progress(progress);
    }

    bool publish(const api::Ending& ending, base::Instant deadline = hang_limit()) {
        run.state.publish(ending);
        return host->publish(ending, deadline);
    }

    [[nodiscard]] RawAnswer get(const std::string& target) const { return RawHttpClient(host->port()).get(target); }

    [[nodiscard]] json body(const std::string& target) const { return json::parse(get(target).body); }

    /// Waits until the number of requests sent is shown.
    [[nodiscard]] bool shows(std::uint64_t sent) const {
        const auto right = [&] { return body("/api/workers").dump().find(std::to_string(sent)) != std::string::npos; };
        bool there = right();
        for (const base::Instant limit = hang_limit(); !there && base::now() < limit; there = right()) {
        }
        return there;
    }

    [[nodiscard]] bool refuses() const {
        try {
            const RawHttpClient client(port);
        } catch (const std::runtime_error& error) {
            return std::string(error.what()).find("refused") != std::string::npos;
        }
        return false;
    }

    void close() {
        port = host->port();
        host->close();
    }

    test::ApiRun run;
    process::Supervisor supervisor;
    test::Told told;
    std::unique_ptr<ResultsHost> host;
    std::uint16_t port = 0;
};

api::Progress progress_with(std::uint64_t sent) {
    api::Progress progress;
    progress.system_state = api::SystemState::profiling;
    progress.updated_at_ns = 1795552736'000000000;
    api::PhaseProgress phase;
    phase.name = "profiling";
    phase.start_ns = 1795552735'500000000;
    phase.requests_asked = 30;
    phase.sent = sent;
    progress.phases.push_back(phase);
    progress.workers.push_back({"worker_0", 4711, "healthy", sent, 9, 1});
    progress.metrics.push_back({"request_latency", "Request Latency", "ms", {{"avg", 2.5}, {"p99", 9.5}}});
    return progress;
}

api::Ending ending() {
    api::Ending ending;
    ending.status = api::Status::incomplete;
    ending.error = api::RunFailure{"RunError", "a worker has died"};
    ending.exit_code = 1;
    ending.results_json = api::results_json(metric::Summary{}, false, "a worker has died");
    return ending;
}

/// All that a server says after the same calls, by route.
std::map<std::string, json> story(Place place) {
    Hosted hosted(place);
    std::map<std::string, json> answers;
    const auto look = [&](const std::string& when) {
        for (const char* route :
             {"/api/results", "/api/progress", "/api/metrics", "/api/workers", "/api/config", "/healthz", "/readyz"}) {
            const std::string text = hosted.get(route).body;
            answers[when + " " + route] = json::accept(text) ? json::parse(text) : json(text);
        }
    };
    look("begun");
    hosted.show(progress_with(8'101));
    CHECK(hosted.shows(8'101));
    look("shown");
    hosted.show(progress_with(8'202));
    CHECK(hosted.publish(ending()));
    look("published");
    const RawAnswer before = hosted.get("/api/results");
    answers["ETag"] = before.header("etag").value_or("none");
    hosted.host->announce_end(base::now());
    bool closes = false;
    for (const base::Instant limit = hang_limit(); !closes && base::now() < limit;) {
        closes = hosted.get("/healthz").header("connection") == "close";
    }
    answers["closes"] = closes;
    hosted.close();
    answers["alive"] = hosted.host->is_alive();
    answers["refuses"] = hosted.refuses();
    return answers;
}

void stop_process(pid_t pid) {
    REQUIRE(::kill(pid, SIGSTOP) == 0);
    siginfo_t stopped{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &stopped, WSTOPPED) == 0);
}

}  // namespace

TEST_CASE("A results server says the same, thread or process, from the first answer to the last") {
    const auto in_thread = story(Place::thread);
    const auto in_process = story(Place::process);
    REQUIRE(in_thread.size() == in_process.size());
    for (const auto& [what, answer] : in_thread) {
        CAPTURE(what, answer.dump(), in_process.at(what).dump());
        CHECK(answer == in_process.at(what));
    }
    CHECK(in_thread.at("begun /api/results").at("status") == "running");
    CHECK(in_thread.at("published /api/results").at("status") == "incomplete");
    CHECK(in_thread.at("published /api/workers").dump().find("8202") != std::string::npos);
    CHECK(in_thread.at("closes") == true);
    CHECK(in_thread.at("alive") == false);
    CHECK(in_thread.at("refuses") == true);
}

TEST_CASE("A confirmed end is what the very next client sees, and the last progress with it") {
    const Place place = GENERATE(Place::thread, Place::process);
    Hosted hosted(place);
    for (std::uint64_t sent = 5'000; sent < 5'200; ++sent) {
        hosted.show(progress_with(sent));  // faster than they are taken
    }
    REQUIRE(hosted.publish(ending()));
    CHECK(hosted.body("/api/results").at("status") == "incomplete");
    CHECK(hosted.body("/api/workers").dump().find("5199") != std::string::npos);
}

TEST_CASE("A request to shut down is told to the run") {
    const Place place = GENERATE(Place::thread, Place::process);
    Hosted hosted(place);
    REQUIRE(hosted.publish(ending()));
    RawHttpClient client(hosted.host->port());
    CHECK(client.post("/api/shutdown", "").status / 100 == 2);
    CHECK(hosted.told.wait_for("shutdown"));
    CHECK(hosted.host->is_alive());  // it is the run that closes it
}

TEST_CASE("A port in use is an error with host and port, thread or process") {
    const Place place = GENERATE(Place::thread, Place::process);
    const Hosted first(Place::thread);
    api::ServerOptions options = Hosted::quick();
    options.port = first.host->port();
    CHECK_THROWS_AS(Hosted(place, options), base::RunError);
    CHECK_THROWS_WITH(Hosted(place, options), Catch::Contains("127.0.0.1:" + std::to_string(options.port)));
}

TEST_CASE("A results server may be closed twice, and needs no close") {
    const Place place = GENERATE(Place::thread, Place::process);
    Hosted hosted(place);
    CHECK(hosted.host->is_alive());
    CHECK(hosted.host->url() == "http://127.0.0.1:" + std::to_string(hosted.host->port()));
    hosted.close();
    hosted.host->close();
    CHECK_FALSE(hosted.host->is_alive());
    CHECK(hosted.supervisor.pids().empty());
    CHECK(hosted.told.count() == 0);
    const Hosted left(place);
}

TEST_CASE("A results server that is killed is known as dead at once, and told in a sentence") {
    Hosted hosted(Place::process);
    const pid_t pid = hosted.supervisor.pids().at(0);
    REQUIRE(::kill(pid, SIGKILL) == 0);
    REQUIRE(hosted.told.wait_for("results-server (pid " + std::to_string(pid) + ") was killed by signal 9 (SIGKILL)"));
    CHECK_FALSE(hosted.host->is_alive());
    const base::Instant begun = base::now();
    CHECK_FALSE(hosted.publish(ending(), base::now() + 1h));
    hosted.show(progress_with(1));
    hosted.host->announce_end(base::now());
    hosted.close();
    CHECK(base::now() < begun + 60s);
    CHECK(hosted.told.count() == 1);
    CHECK(hosted.refuses());
}

TEST_CASE("A results server killed while its word is waited for ends the wait") {
    Hosted hosted(Place::process);
    const pid_t pid = hosted.supervisor.pids().at(0);
    stop_process(pid);
    std::thread killer([pid] { ::kill(pid, SIGKILL); });
    CHECK_FALSE(hosted.publish(ending(), base::now() + 1h));
    killer.join();
}

TEST_CASE("A results server that hangs confirms nothing, and close() ends it") {
    Hosted hosted(Place::process, Hosted::quick(), 50ms);
    stop_process(hosted.supervisor.pids().at(0));
    const base::Instant deadline = base::now() + 50ms;
    CHECK_FALSE(hosted.publish(ending(), deadline));
    CHECK(base::now() >= deadline);
    CHECK(hosted.host->is_alive());  // as far as anybody can know
    hosted.close();
    CHECK_FALSE(hosted.host->is_alive());
    CHECK(hosted.supervisor.pids().empty());
    CHECK(hosted.told.count() == 0);
}

TEST_CASE("A results server that does not come up is an error that says what is known") {
    const test::ApiRun run;
    process::Supervisor supervisor;
    const auto start = [&](const std::string& helper, base::Nanoseconds within) {
        control::ProcessKit kit = test::kit_for(supervisor, helper);
        kit.times.registration_timeout = within;
        static_cast<void>(control::host_in_process(run.facts(), Hosted::quick(), {}, kit));
    };
    CHECK_THROWS_WITH(start("/bin/false", 60s),
                      Catch::StartsWith("the results server did not start: results-server (pid ") &&
                          Catch::Contains("exited with code 1"));
    CHECK_THROWS_WITH(start(test::sleeping_helper(run.directory.path()), 200ms),
                      Catch::StartsWith("the results server did not start: pid ") &&
                          Catch::Contains("did not present itself in time"));
    CHECK_THROWS_AS(start("/bin/false", 60s), base::RunError);
    CHECK(supervisor.pids().empty());
}
