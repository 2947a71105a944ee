#include "aiperf/process/supervisor.hpp"

#include "aiperf/base/error.hpp"
#include "child_support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <thread>

using namespace aiperf;
using namespace aiperf::process;
using namespace aiperf::process::test;
using namespace std::chrono_literals;

namespace {

ChildOptions options_for(const std::string& behaviour, const StopPolicy& stop = {}) {
    return {.spawn = child_that(behaviour), .stop = stop};
}

/// Signals come at once: for children that are known not to listen.
constexpr StopPolicy k_impatient{.leave = 0ns, .terminate = 0ns};

bool is_alive(const ServiceView& view) {
    return view.alive();
}

/// What handlers were told, for the test's thread to wait for.
class Heard {
public:
    void add(std::string text) {
        const std::lock_guard lock(mutex_);
        texts_.push_back(std::move(text));
        changed_.notify_all();
    }

    [[nodiscard]] bool wait_for(const std::string& text) {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(
            lock, hang_limit(), [&] { return std::find(texts_.begin(), texts_.end(), text) != texts_.end(); });
    }

    [[nodiscard]] std::vector<std::string> texts() {
        const std::lock_guard lock(mutex_);
        return texts_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> texts_;
};

}  // namespace

TEST_CASE("a child is started, registers, answers, is asked to stop, and leaves by itself") {
    Heard heard;
    Supervisor supervisor({.on_message = [&](ChildId, std::string_view text) { heard.add(std::string{text}); }});
    const ChildId child = supervisor.start(options_for("serve"));
    REQUIRE(supervisor.wait_for(child, is_alive, hang_limit()));
    supervisor.send(child, R"({"type":"echo"})");
    CHECK(heard.wait_for(R"({"type":"echo"})"));
    CHECK_FALSE(supervisor.stop_step(child));
    CHECK_FALSE(supervisor.death(child));

    supervisor.stop(child, hang_limit());
    REQUIRE(supervisor.wait_ended(child, hang_limit()));
    const auto death = supervisor.death(child);
    REQUIRE(death);
    CHECK(death->status.success());
    CHECK(death->expected);
    CHECK(death->last_view == ServiceView{Registration::registered, ServiceState::stopped, false});
    CHECK(no_children_left());
}

TEST_CASE("the death of a child is told at once, with all of it in one sentence") {
    Heard heard;
    Supervisor supervisor({.on_death = [&](const DeathReport& report) {
        heard.add(report.sentence);
        heard.add(report.expected ? "expected" : "early");
    }});
    const ChildId child = supervisor.start(options_for("serve"));
    REQUIRE(supervisor.wait_for(child, is_alive, hang_limit()));
    const pid_t pid = supervisor.pid(child);
    REQUIRE(::kill(pid, SIGKILL) == 0);
    CHECK(heard.wait_for("serve (pid " + std::to_string(pid) + ") was killed by signal 9 (SIGKILL)"));
    CHECK(heard.wait_for("early"));
    CHECK_FALSE(supervisor.view(child).alive());
}

TEST_CASE("a child that ends before it registers ends the wait for it") {
    Supervisor supervisor;
    const ChildId child = supervisor.start(options_for("exit_3"));
    CHECK_FALSE(supervisor.wait_for(child, is_alive, hang_limit()));
    REQUIRE(supervisor.death(child));
    CHECK(supervisor.death(child)->status == ExitStatus{ExitStatus::Kind::exited, 3});
    CHECK(supervisor.view(child).registration == Registration::error);
}

TEST_CASE("a child that never registers is known as such after its time, and lives on") {
    Supervisor supervisor;
    ChildOptions options = options_for("silent", k_impatient);
    options.register_within = 0ns;
    const ChildId child = supervisor.start(options);
    const auto timed_out = [](const ServiceView& view) { return view.registration == Registration::timeout; };
    CHECK(supervisor.wait_for(child, timed_out, hang_limit()));
    CHECK(supervisor.view(child).process_alive == true);
    CHECK_FALSE(supervisor.view(child).alive());
}

TEST_CASE("a child deaf to its channel ends by SIGTERM, one that ignores it by SIGKILL") {
    Supervisor supervisor;
    const StopPolicy policy{.leave = 0ns, .terminate = 100ms};
    const ChildId deaf = supervisor.start(options_for("deaf", {.leave = 0ns, .terminate = 60s}));
    const ChildId stubborn = supervisor.start(options_for("ignore_term", policy));
    REQUIRE(supervisor.wait_for(deaf, is_alive, hang_limit()));
    REQUIRE(supervisor.wait_for(stubborn, is_alive, hang_limit()));
    supervisor.stop_all();
    REQUIRE(supervisor.wait_all_ended(hang_limit()));
    CHECK(supervisor.death(deaf)->status == ExitStatus{ExitStatus::Kind::signalled, SIGTERM});
    CHECK(supervisor.death(stubborn)->status == ExitStatus{ExitStatus::Kind::signalled, SIGKILL});
}

TEST_CASE("a stopped process (SIGSTOP) does not outlive its deadline") {
    Supervisor supervisor;
    const ChildId child = supervisor.start(options_for("serve", {.leave = 0ns, .terminate = 50ms}));
    REQUIRE(supervisor.wait_for(child, is_alive, hang_limit()));
    supervisor.signal_all(SIGSTOP);
    siginfo_t stopped{};
    REQUIRE(::waitid(P_PID, static_cast<id_t>(supervisor.pid(child)), &stopped, WSTOPPED) == 0);
    supervisor.stop(child);
    REQUIRE(supervisor.wait_ended(child, hang_limit()));
    CHECK(supervisor.death(child)->status == ExitStatus{ExitStatus::Kind::signalled, SIGKILL});
}

TEST_CASE("SIGKILL of the group takes grandchildren along that ignore SIGTERM") {
    ReportPipe report;
    Supervisor supervisor;
    ChildOptions options = options_for("grandchild", k_impatient);
    options.spawn.inherited = {report.writer()};
    const ChildId child = supervisor.start(options);
    report.close_writer();
    REQUIRE(report.read_pid() > 0);
    supervisor.stop(child);
    REQUIRE(supervisor.wait_ended(child, hang_limit()));
    CHECK(report.at_end());
}

TEST_CASE("a child that states a later deadline of its own is waited for") {
    Heard heard;
    Supervisor supervisor({.on_message = [&](ChildId, std::string_view text) {
        if (text.find("leave_by") != std::string_view::npos) {
            heard.add("leave_by");
        }
    }});
    const ChildId child = supervisor.start(options_for("hold", {.leave = 10s, .terminate = 0ns}));
    REQUIRE(supervisor.wait_for(child, is_alive, hang_limit()));
    supervisor.stop(child);
    REQUIRE(heard.wait_for("leave_by"));
    // An earlier word from its starter would count; its own 30 s stand. Told to go, it does.
    CHECK(supervisor.stop_step(child) == StopStep::asked);
    supervisor.send(child, R"({"type":"go"})");
    REQUIRE(supervisor.wait_ended(child, hang_limit()));
    CHECK(supervisor.death(child)->status.success());
}

TEST_CASE("a stop called again brings the deadline nearer") {
    Supervisor supervisor;
    const ChildId child = supervisor.start(options_for("deaf"));
    REQUIRE(supervisor.wait_for(child, is_alive, hang_limit()));
    supervisor.stop(child, base::now() + 600s);
    supervisor.stop(child, base::now());
    REQUIRE(supervisor.wait_ended(child, hang_limit()));
    CHECK(supervisor.death(child)->status == ExitStatus{ExitStatus::Kind::signalled, SIGTERM});
}

TEST_CASE("killing needs no step before it") {
    Supervisor supervisor;
    const ChildId first = supervisor.start(options_for("ignore_term"));
    const ChildId second = supervisor.start(options_for("serve"));
    supervisor.stop(first, base::now() + 600s);
    supervisor.kill_all();
    REQUIRE(supervisor.wait_all_ended(hang_limit()));
    CHECK(supervisor.death(first)->status == ExitStatus{ExitStatus::Kind::signalled, SIGKILL});
    CHECK(supervisor.death(second)->status == ExitStatus{ExitStatus::Kind::signalled, SIGKILL});
}

TEST_CASE("a supervisor that is destroyed leaves no process, no zombie and no descriptor") {
    const auto before = open_descriptors();
    {
        Supervisor supervisor;
        for (const char* behaviour : {"serve", "ignore_term", "silent", "exit_0", "flood", "crash"}) {
            supervisor.start(options_for(behaviour, {.leave = 20ms, .terminate = 20ms}));
        }
    }
    CHECK(open_descriptors() == before);
    CHECK(no_children_left());
}

TEST_CASE("a program that cannot be started throws in the caller, and the supervisor goes on") {
    Supervisor supervisor;
    ChildOptions options = options_for("serve");
    options.spawn.executable = "/nonexistent/helper";
    CHECK_THROWS_AS(supervisor.start(options), base::SystemError);
    const ChildId child = supervisor.start(options_for("serve"));
    CHECK(supervisor.wait_for(child, is_alive, hang_limit()));
}

TEST_CASE("shut down twice, then start: refused by name") {
    Supervisor supervisor;
    supervisor.start(options_for("serve"));
    supervisor.shutdown();
    supervisor.shutdown();
    CHECK(supervisor.wait_all_ended(base::now()));
    CHECK_THROWS_WITH(supervisor.start(options_for("serve")), Catch::Contains("serve: its supervisor was shut down"));
    supervisor.stop_all();
    supervisor.kill_all();
}

TEST_CASE("handlers may call the supervisor: a death starts the next child") {
    Heard heard;
    Supervisor* self = nullptr;
    Supervisor supervisor({.on_death = [&](const DeathReport& report) {
        heard.add(report.name);
        if (report.name == "exit_3") {
            const ChildId next = self->start(options_for("serve"));
            self->stop(next, base::now() + 60s);
        }
    }});
    self = &supervisor;
    supervisor.start(options_for("exit_3"));
    CHECK(heard.wait_for("serve"));
}

TEST_CASE("what a handler throws is kept for shutdown, and supervision goes on") {
    Heard heard;
    Supervisor supervisor({.on_death = [&](const DeathReport& report) {
        heard.add(report.name);
        throw std::runtime_error("from the handler of " + report.name);
    }});
    const ChildId first = supervisor.start(options_for("exit_3"));
    REQUIRE(supervisor.wait_ended(first, hang_limit()));
    supervisor.start(options_for("exit_0"));
    CHECK(heard.wait_for("exit_0"));
    CHECK_THROWS_WITH(supervisor.shutdown(), "from the handler of exit_3");
    CHECK_NOTHROW(supervisor.shutdown());
}

TEST_CASE("children may be started and stopped from several threads that end before them") {
    Supervisor supervisor;
    std::mutex mutex;
    std::vector<ChildId> children;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&] {
            const ChildId child = supervisor.start(options_for("serve"));
            const std::lock_guard lock(mutex);
            children.push_back(child);
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (const ChildId child : children) {
        CHECK(supervisor.wait_for(child, is_alive, hang_limit()));
    }
    supervisor.shutdown();
    for (const ChildId child : children) {
        CHECK(supervisor.death(child)->status.success());
    }
}

TEST_CASE("an unknown child is one that never started") {
    const Supervisor supervisor;
    CHECK(supervisor.view(ChildId{7}).registration == Registration::unregistered);
    CHECK(supervisor.pid(ChildId{7}) == -1);
    CHECK_FALSE(supervisor.wait_for(ChildId{7}, is_alive, hang_limit()));
}

TEST_CASE("handlers of one child are called before the supervisor's, and for it alone") {
    Heard heard;
    const auto named = [&](const std::string& who) {
        return SupervisorHandlers{
            .on_message =
                [&heard, who](ChildId, std::string_view text) {
                    if (text == R"({"type":"echo"})") {
                        heard.add(who + " message");
                    }
                },
            .on_change =
                [&heard, who](ChildId, const ServiceView& view) {
                    if (view.alive()) {
                        heard.add(who + " change");
                    }
                },
            .on_death = [&heard, who](const DeathReport& report) { heard.add(who + " death of " + report.name); }};
    };
    Supervisor supervisor(named("all"));
    ChildOptions options = options_for("serve");
    options.handlers = named("own");
    const ChildId child = supervisor.start(std::move(options));
    REQUIRE(supervisor.wait_for(child, is_alive, hang_limit()));
    supervisor.send(child, R"({"type":"echo"})");
    REQUIRE(heard.wait_for("all message"));
    supervisor.stop(child, hang_limit());
    REQUIRE(heard.wait_for("all death of serve"));
    std::vector<std::string> texts = heard.texts();
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    const auto at = [&](const char* text) { return std::find(texts.begin(), texts.end(), text) - texts.begin(); };
    for (const char* what : {"change", "message", "death of serve"}) {
        CAPTURE(what);
        CHECK(at((std::string("own ") + what).c_str()) + 1 == at((std::string("all ") + what).c_str()));
    }

    supervisor.start(options_for("exit_3"));
    REQUIRE(heard.wait_for("all death of exit_3"));
    const std::vector<std::string> later = heard.texts();
    CHECK(std::find(later.begin(), later.end(), "own death of exit_3") == later.end());
}

TEST_CASE("what one child's handler throws does not keep the supervisor's from being called") {
    Heard heard;
    Supervisor supervisor({.on_death = [&](const DeathReport& report) { heard.add(report.name); }});
    ChildOptions options = options_for("exit_0");
    options.handlers.on_death = [](const DeathReport&) { throw std::runtime_error("from the child's own"); };
    supervisor.start(std::move(options));
    CHECK(heard.wait_for("exit_0"));
    CHECK_THROWS_WITH(supervisor.shutdown(), "from the child's own");
}

TEST_CASE("processes that have not ended are listed and described, in the order they were started") {
    Supervisor supervisor;
    CHECK(supervisor.pids().empty());
    CHECK(supervisor.describe().empty());
    const ChildId first = supervisor.start(options_for("serve"));
    const ChildId ended = supervisor.start(options_for("exit_0"));
    const ChildId deaf = supervisor.start(options_for("deaf"));
    REQUIRE(supervisor.wait_for(first, is_alive, hang_limit()));
    REQUIRE(supervisor.wait_for(deaf, is_alive, hang_limit()));
    REQUIRE(supervisor.wait_ended(ended, hang_limit()));
    const auto line = [&](const char* name, ChildId child, const char* rest) {
        return name + std::string(" (pid ") + std::to_string(supervisor.pid(child)) + "): registered, running" + rest;
    };
    CHECK(supervisor.pids() == std::vector<pid_t>{supervisor.pid(first), supervisor.pid(deaf)});
    CHECK(supervisor.describe() == std::vector<std::string>{line("serve", first, ""), line("deaf", deaf, "")});

    supervisor.stop(deaf, hang_limit());
    const auto told = [&] { return supervisor.stop_step(deaf) == StopStep::asked; };
    for (const base::Instant limit = hang_limit(); !told() && base::now() < limit;) {
        std::this_thread::yield();
    }
    CHECK(supervisor.describe().back() == line("deaf", deaf, ", told to stop: asked"));
    supervisor.kill_all();
    REQUIRE(supervisor.wait_all_ended(hang_limit()));
    CHECK(supervisor.pids().empty());
    CHECK(supervisor.describe().empty());
}
