#include "load_driver.hpp"

#include "../load/load_run.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/dataset/growing_dataset.hpp"
#include "crew_fixture.hpp"
#include "fed_answer.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <future>
#include <set>
#include <string>
#include <sys/wait.h>

using namespace aiperf;
using namespace std::chrono_literals;
using control::LoadDriver;
using control::WorkerRules;
using record::ErrorKind;
using record::Record;
using test::hang_limit;
using test::k_hold;
using test::ScriptedServer;
using test::send_step;
using Request = ScriptedServer::Request;
using Steps = ScriptedServer::Steps;

namespace {

enum class Backend : std::uint8_t { thread, process };

struct Setup {
    Backend backend;
    std::uint32_t workers;
};

Setup any_setup() {
    const auto backend = GENERATE(Backend::thread, Backend::process);
    const auto workers = GENERATE(1U, 3U);
    CAPTURE(backend == Backend::process, workers);
    return {backend, workers};
}

ScriptedServer::Script answering() {
    return {.on_request = [](const Request&) { return Steps{send_step(test::json_answer("Hello"))}; }};
}

/// Answers come after release().
ScriptedServer::Script holding() {
    return {.on_request = [](const Request&) { return Steps{k_hold, send_step(test::json_answer("Hello"))}; }};
}

std::shared_ptr<const dataset::Dataset> bodies() {
    dataset::DatasetBuilder builder;
    for (int i = 0; i < 3; ++i) {
        builder.add("session_" + std::to_string(i), "{\"n\":" + std::to_string(i) + "}", 1, 1);
    }
    return builder.seal();
}

/// A plan led through its phases by a LoadDriver, on a thread of its own while a test does harm.
class DrivenRun {
public:
    DrivenRun(const ScriptedServer& server,
              std::vector<schedule::Phase> phases,
              Setup setup,
              WorkerRules rules = {},
              std::shared_ptr<const dataset::Dataset> dataset = bodies())
        : plan_(test::plan_for({&server}, std::move(phases))),
          journal_(directory_.path(), journal_plan(setup)) {
        plan_.dataset = std::move(dataset);
        plan_.answer_frame = {"{\"bot\":\"", "\"}"};
        plan_.workers = setup.workers;
        rules.warn = [this](const std::string& text) { warnings.add(text); };
        rules.stale_after = rules.stale_after == 0ns ? 1h : rules.stale_after;
        control::MakeCrew crew = control::make_thread_crew;
        if (setup.backend == Backend::process) {
            crew = [this](const control::CrewTools& tools) {
                return control::make_process_crew(tools, test::kit_for(supervisor_));
            };
        }
        driver_.emplace(plan_, journal_, crew, std::move(rules));
    }

    ~DrivenRun() {
        driver_->stop(load::Stop::in_flight);
        if (phase_.valid()) {
            phase_.wait();
        }
    }

    DrivenRun(const DrivenRun&) = delete;
    DrivenRun& operator=(const DrivenRun&) = delete;

    LoadDriver& driver() noexcept { return *driver_; }

    void begin(std::uint32_t index = 0) {
        phase_ = std::async(std::launch::async, [this, index] {
            const std::int64_t start = base::now_ns();
            journal_.begin_phase({plan_.phases[index].name, true, slots_, start, 0});
            const std::uint64_t claimed = driver_->run_phase(index, slots_, start);
            journal_.end_phase(base::now_ns());
            slots_ += claimed;
        });
    }

    /// False where the phase hangs.
    [[nodiscard]] bool wait() { return phase_.wait_until(hang_limit()) == std::future_status::ready; }

    [[nodiscard]] bool run(std::uint32_t index = 0) {
        begin(index);
        return wait();
    }

    /// Sends the workers home, closes the journal, reads it.
    const record::RecordSet& records() {
        if (reader_ == nullptr) {
            driver_->send_home();
            journal_.finish(std::min(slots_, journal_.readable_slots()));
            reader_ = std::make_unique<record::JournalReader>(directory_.path());
        }
        return *reader_;
    }

    [[nodiscard]] std::size_t count(ErrorKind kind) {
        const auto rows = records().records();
        return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [&](const Record& record) {
            return record.state == static_cast<std::uint16_t>(record::State::committed) &&
                   record.error == static_cast<std::uint8_t>(kind);
        }));
    }

    /// True where every lost request carries this text and is that worker's.
    [[nodiscard]] bool lost_are(std::uint32_t worker, const std::string& text) {
        const auto rows = records().records();
        return std::all_of(rows.begin(), rows.end(), [&](const Record& record) {
            return record.error != static_cast<std::uint8_t>(ErrorKind::lost) ||
                   (record.worker == worker && records().error_text(record) == text);
        });
    }

    [[nodiscard]] std::uint64_t total(std::atomic<std::uint64_t> load::WorkerCounters::*counter) {
        std::uint64_t sum = 0;
        for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
            sum += (driver_->state().counters(worker).*counter).load();
        }
        return sum;
    }

    test::Told warnings;

private:
    record::JournalPlan journal_plan(const Setup& setup) {
        record::JournalPlan plan;
        plan.info.workers = setup.workers;
        plan.shared = setup.backend == Backend::process;
        return plan;
    }

    test::TemporaryDirectory directory_;
    process::Supervisor supervisor_;
    load::LoadPlan plan_;
    record::Journal journal_;
    std::uint64_t slots_ = 0;
    std::optional<LoadDriver> driver_;
    std::future<void> phase_;
    std::unique_ptr<record::JournalReader> reader_;
};

WorkerRules going_on() {
    WorkerRules rules;
    rules.abort_on_death = false;
    rules.drain_timeout = 1h;
    return rules;
}

WorkerRules aborting() {
    WorkerRules rules = going_on();
    rules.abort_on_death = true;
    return rules;
}

constexpr Setup k_one_process{Backend::process, 1};
constexpr Setup k_three_processes{Backend::process, 3};
const std::string k_killed = "worker died (signal 9)";

void stop_process(pid_t pid) {
    REQUIRE(::kill(pid, SIGSTOP) == 0);
    siginfo_t stopped{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &stopped, WSTOPPED) == 0);
}

std::string name_of(std::uint32_t worker, pid_t pid) {
    return "worker_" + std::to_string(worker) + " (pid " + std::to_string(pid) + ")";
}

}  // namespace

TEST_CASE("Prompts that are made while the workers run are sent, whoever works") {
    const Setup setup = any_setup();
    ScriptedServer server(answering());
    std::vector<dataset::ConversationShape> shapes;
    for (int number = 0; number < 50; ++number) {
        shapes.push_back({"session_" + std::to_string(number), 1});
    }
    dataset::GrowingDataset prompts(shapes);
    DrivenRun run(server, {test::closed_loop(100, 6)}, setup, {}, prompts.dataset());
    run.begin();
    std::set<std::string> made;
    for (int number = 0; number < 50; ++number) {
        const std::string body = "{\"n\":" + std::to_string(number) + "}";
        prompts.add({{.body = body, .text = {}}});
        made.insert(body);
    }
    prompts.finish();
    REQUIRE(run.wait());
    CHECK(run.count(ErrorKind::none) == 100);
    std::multiset<std::string> received;
    for (const Request& request : server.requests()) {
        received.insert(request.body);
    }
    CHECK(received.size() == 100);
    for (const std::string& body : made) {
        CHECK(received.count(body) == 2);
    }
}

TEST_CASE("A phase of N requests ends with N records, whoever works") {
    const Setup setup = any_setup();
    ScriptedServer server(answering());
    DrivenRun run(server, {test::closed_loop(40, 6), test::closed_loop(25, 2)}, setup);
    REQUIRE(run.run(0));
    CHECK(run.total(&load::WorkerCounters::completed) == 40);
    REQUIRE(run.run(1));
    CHECK(run.total(&load::WorkerCounters::completed) == 25);
    CHECK(run.total(&load::WorkerCounters::sent) == 25);
    CHECK(run.driver().failure().empty());
    REQUIRE(run.records().records().size() == 65);
    CHECK(run.count(ErrorKind::none) == 65);
    CHECK(run.records().output_text(run.records().records()[64]) == "Hello");
    CHECK(server.requests().size() == 65);
    CHECK(run.warnings.count() == 0);
}

TEST_CASE("A phase told to stop what is in flight ends at once, whoever works") {
    const Setup setup = any_setup();
    ScriptedServer server(holding());
    DrivenRun run(server, {test::closed_loop(100, 6)}, setup, going_on());
    run.begin();
    REQUIRE(server.wait_for_requests(6));
    run.driver().stop(load::Stop::in_flight);
    REQUIRE(run.wait());
    CHECK(run.count(ErrorKind::cancelled) == 6);
    CHECK(run.records().records().size() == 6);
    CHECK(run.driver().failure().empty());
    CHECK(run.warnings.count() == 0);
}

TEST_CASE("A phase told to send no more lets what is in flight finish, whoever works") {
    const Setup setup = any_setup();
    ScriptedServer server(holding());
    DrivenRun run(server, {test::closed_loop(100, 6)}, setup, going_on());
    run.begin();
    REQUIRE(server.wait_for_requests(6));
    run.driver().stop(load::Stop::sending);
    server.release();
    REQUIRE(run.wait());
    CHECK(run.count(ErrorKind::none) == 6);
    CHECK(run.records().records().size() == 6);
}

TEST_CASE("Workers are processes of their own, or none, and are told healthy until they die") {
    ScriptedServer server(holding());
    DrivenRun threads(server, {test::closed_loop(10, 2)}, {Backend::thread, 2});
    CHECK(threads.driver().worker_pid(1) == ::getpid());
    DrivenRun processes(server, {test::closed_loop(10, 3)}, k_three_processes, going_on());
    LoadDriver& driver = processes.driver();
    CHECK(driver.worker_pid(0) != ::getpid());
    CHECK(driver.worker_pid(0) != driver.worker_pid(1));
    processes.begin();
    REQUIRE(server.wait_for_requests(3));
    CHECK(driver.worker_status(1) == std::string("healthy"));
    REQUIRE(::kill(driver.worker_pid(1), SIGKILL) == 0);
    for (const base::Instant limit = hang_limit();
         driver.worker_status(1) != std::string("error") && base::now() < limit;) {
        std::this_thread::yield();
    }
    CHECK(driver.worker_status(1) == std::string("error"));
    CHECK(driver.worker_status(0) == std::string("healthy"));
    server.release();
    CHECK(processes.wait());
}

TEST_CASE("A worker killed mid-run ends a run that is to be whole, by its name") {
    ScriptedServer server(holding());
    DrivenRun run(server, {test::closed_loop(100, 6)}, k_three_processes, aborting());
    const pid_t victim = run.driver().worker_pid(1);
    run.begin();
    REQUIRE(server.wait_for_requests(6));
    REQUIRE(::kill(victim, SIGKILL) == 0);
    REQUIRE(run.wait());  // nothing was answered: the others were told to stop
    CHECK(run.driver().failure() == name_of(1, victim) + " was killed by signal 9 (SIGKILL)");
    CHECK(run.warnings.count(name_of(1, victim)) == 1);
    CHECK(run.records().records().size() == 6);
    CHECK(run.count(ErrorKind::lost) == 2);
    CHECK(run.count(ErrorKind::cancelled) == 4);
    CHECK(run.lost_are(1, k_killed));
}

TEST_CASE("A worker killed mid-run costs what it had in flight, and the others do the rest") {
    ScriptedServer server(holding());
    DrivenRun run(server, {test::closed_loop(30, 6), test::closed_loop(12, 6)}, k_three_processes, going_on());
    const pid_t victim = run.driver().worker_pid(2);
    run.begin();
    REQUIRE(server.wait_for_requests(6));
    REQUIRE(::kill(victim, SIGKILL) == 0);
    REQUIRE(run.warnings.wait_for(name_of(2, victim) + " was killed by signal 9"));
    server.release();
    REQUIRE(run.wait());
    CHECK(run.driver().failure().empty());
    CHECK(run.total(&load::WorkerCounters::completed) == 30);
    CHECK(run.total(&load::WorkerCounters::errors) == 2);
    CHECK(run.total(&load::WorkerCounters::sent) == 30);

    REQUIRE(run.run(1));  // the next phase counts from nothing
    CHECK(run.total(&load::WorkerCounters::completed) == 12);
    CHECK(run.total(&load::WorkerCounters::errors) == 0);
    REQUIRE(run.records().records().size() == 42);
    CHECK(run.count(ErrorKind::none) == 40);
    CHECK(run.count(ErrorKind::lost) == 2);
    CHECK(run.lost_are(2, k_killed));
    CHECK(run.warnings.count() == 1);
}

TEST_CASE("Sessions have all their turns with all that was said, whoever works") {
    const Setup setup = any_setup();
    ScriptedServer server(answering());
    DrivenRun run(server, {test::session_loop(7, 21, 3)}, setup, going_on(), test::talks({3}, 2ms));
    REQUIRE(run.run());
    CHECK(run.total(&load::WorkerCounters::sessions_completed) == 7);
    CHECK(run.count(ErrorKind::none) == 21);
    std::size_t last_turns = 0;
    for (const Request& request : server.requests()) {
        last_turns += request.body ==
                              "{\"messages\":[{\"user\":\"0.0\"},{\"bot\":\"Hello\"},{\"user\":\"0.1\"},"
                              "{\"bot\":\"Hello\"},{\"user\":\"0.2\"}],\"n\":1}"
                          ? 1U
                          : 0U;
    }
    CHECK(last_turns == 7);
}

TEST_CASE("A worker killed mid-run takes its sessions along, and the others end theirs") {
    ScriptedServer server(holding());
    DrivenRun run(server, {test::session_loop(6, 18, 6)}, k_three_processes, going_on(), test::talks({3}));
    const pid_t victim = run.driver().worker_pid(2);
    run.begin();
    REQUIRE(server.wait_for_requests(6));
    REQUIRE(::kill(victim, SIGKILL) == 0);
    REQUIRE(run.warnings.wait_for(name_of(2, victim) + " was killed by signal 9"));
    server.release();
    REQUIRE(run.wait());
    CHECK(run.driver().failure().empty());
    CHECK(run.count(ErrorKind::none) == 12);
    CHECK(run.count(ErrorKind::lost) == 2);
    CHECK(run.lost_are(2, k_killed));
    CHECK(run.total(&load::WorkerCounters::completed) == 14);
    CHECK(run.total(&load::WorkerCounters::sessions_completed) == 4);
}

TEST_CASE("A worker killed while nothing is in flight costs only what it had claimed") {
    // One request a minute: each worker holds an index, and waits.
    ScriptedServer server(answering());
    DrivenRun run(server, {test::constant_rate(3, 1.0 / 60)}, k_three_processes, going_on());
    run.begin();
    for (const base::Instant limit = hang_limit(); run.driver().state().next_index.load() < 3 && base::now() < limit;) {
        std::this_thread::yield();
    }
    for (const std::uint32_t worker : {0U, 1U, 2U}) {
        REQUIRE(::kill(run.driver().worker_pid(worker), SIGKILL) == 0);
    }
    REQUIRE(run.wait());
    CHECK_THAT(run.driver().failure(), Catch::Contains("was killed by signal 9"));
    CHECK(run.total(&load::WorkerCounters::sent) == run.total(&load::WorkerCounters::completed));
}

TEST_CASE("The last worker's death ends a run that was to go on") {
    const Setup setup = GENERATE(k_one_process, k_three_processes);
    ScriptedServer server(holding());
    DrivenRun run(server, {test::closed_loop(100, 6)}, setup, going_on());
    run.begin();
    REQUIRE(server.wait_for_requests(6));
    for (std::uint32_t worker = 0; worker < setup.workers; ++worker) {
        REQUIRE(::kill(run.driver().worker_pid(worker), SIGKILL) == 0);
    }
    REQUIRE(run.wait());
    CHECK_THAT(run.driver().failure(), Catch::Contains("was killed by signal 9 (SIGKILL)"));
    CHECK(run.count(ErrorKind::lost) == 6);
    CHECK(run.records().records().size() == 6);
    CHECK(run.warnings.count("was killed") == setup.workers);
}

TEST_CASE("A stopped worker that does not close its requests at a cancel is killed, and the run ends") {
    ScriptedServer server(holding());
    WorkerRules rules = going_on();
    rules.drain_timeout = 100ms;
    DrivenRun run(server, {test::closed_loop(100, 6)}, k_three_processes, rules);
    const pid_t victim = run.driver().worker_pid(1);
    run.begin();
    REQUIRE(server.wait_for_requests(6));
    stop_process(victim);
    run.driver().stop(load::Stop::in_flight);
    REQUIRE(run.wait());
    CHECK(run.warnings.count("worker_1 has not closed its requests in time") == 1);
    CHECK(run.warnings.count("has not closed") == 1);
    CHECK(run.driver().failure().empty());
    CHECK(run.count(ErrorKind::cancelled) == 4);
    CHECK(run.count(ErrorKind::lost) == 2);
    CHECK(run.lost_are(1, k_killed));
}

TEST_CASE("A worker that is silent is told once, and goes on when it is let") {
    ScriptedServer server(holding());
    WorkerRules rules = going_on();
    rules.stale_after = load::k_longest_turn + 200ms;
    DrivenRun run(server, {test::closed_loop(6, 6)}, k_three_processes, rules);
    const pid_t sleeper = run.driver().worker_pid(0);
    run.begin();
    REQUIRE(server.wait_for_requests(6));
    stop_process(sleeper);
    REQUIRE(run.warnings.wait_for("worker_0 has not moved for "));
    CHECK(run.driver().worker_status(0) == std::string("stale"));
    server.release();
    REQUIRE(::kill(sleeper, SIGCONT) == 0);
    REQUIRE(run.wait());
    CHECK(run.warnings.count("worker_0") == 1);
    CHECK(run.driver().worker_status(0) == std::string("healthy"));
    CHECK(run.count(ErrorKind::none) == 6);
    CHECK(run.driver().failure().empty());
}

TEST_CASE("What was not sent when the time was up is no error, though a worker has died") {
    ScriptedServer server(answering());
    schedule::Phase phase = test::constant_rate(1'000, 50);
    phase.duration = 500ms;
    phase.grace = 10s;
    DrivenRun run(server, {phase}, k_three_processes, going_on());
    run.begin();
    REQUIRE(server.wait_for_requests(2));
    REQUIRE(::kill(run.driver().worker_pid(1), SIGKILL) == 0);
    REQUIRE(run.wait());
    CHECK(run.driver().failure().empty());
    // 50 a second for half a second: 24 were due. Each worker had taken one more, for later.
    REQUIRE(run.records().records().size() >= 24);
    for (std::size_t slot = 0; slot < run.records().records().size(); ++slot) {
        const Record& record = run.records().records()[slot];
        CAPTURE(slot);
        CHECK((record.state == static_cast<std::uint16_t>(record::State::committed)) == (slot < 24));
    }
    CHECK(run.count(ErrorKind::none) + run.count(ErrorKind::lost) == 24);
}

TEST_CASE("A helper that does not start is a run's error that says what is known") {
    const test::TemporaryDirectory directory;
    ScriptedServer server(answering());
    load::LoadPlan plan = test::plan_for({&server}, {test::closed_loop(1, 1)});
    plan.dataset = bodies();
    plan.workers = 2;
    record::JournalPlan journal_plan;
    journal_plan.info.workers = 2;
    journal_plan.shared = true;
    record::Journal journal(directory.path() / "journal", journal_plan);
    process::Supervisor supervisor;
    const auto start = [&](const std::string& helper, base::Nanoseconds within) {
        const LoadDriver driver(plan,
                                journal,
                                [&](const control::CrewTools& tools) {
                                    control::ProcessKit kit = test::kit_for(supervisor, helper);
                                    kit.times.registration_timeout = within;
                                    return control::make_process_crew(tools, kit);
                                },
                                {});
    };
    CHECK_THROWS_AS(start("/bin/false", 60s), base::RunError);
    CHECK_THROWS_WITH(
        start("/bin/false", 60s),
        Catch::StartsWith("a worker did not start: worker_0 (pid ") && Catch::Contains("exited with code 1"));
    CHECK_THROWS_WITH(start(test::sleeping_helper(directory.path()), 200ms),
                      Catch::StartsWith("a worker did not start: pid ") &&
                          Catch::Contains("did not present itself in time (AIPERF_SERVICE_REGISTRATION_TIMEOUT)"));
    CHECK(supervisor.pids().empty());
    CHECK(server.requests().empty());
}

TEST_CASE("A cancelled start of workers does not wait for them") {
    const test::TemporaryDirectory directory;
    ScriptedServer server(answering());
    load::LoadPlan plan = test::plan_for({&server}, {test::closed_loop(1, 1)});
    plan.dataset = bodies();
    record::JournalPlan journal_plan;
    journal_plan.shared = true;
    record::Journal journal(directory.path() / "journal", journal_plan);
    process::Supervisor supervisor;
    {
        const LoadDriver driver(plan,
                                journal,
                                [&](const control::CrewTools& tools) {
                                    control::ProcessKit kit =
                                        test::kit_for(supervisor, test::sleeping_helper(directory.path()));
                                    kit.cancelled = [] { return true; };
                                    return control::make_process_crew(tools, kit);
                                },
                                {});
    }
    CHECK(supervisor.pids().empty());
}
