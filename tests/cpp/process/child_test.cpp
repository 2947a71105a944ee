#include "aiperf/process/child.hpp"

#include "child_support.hpp"

#include <catch2/catch.hpp>

#include <csignal>

using namespace aiperf;
using namespace aiperf::process;
using namespace aiperf::process::test;

namespace {

/// Serves the child's descriptors until `done`.
template <typename Done>
void watch(Child& child, Done done) {
    while (!done()) {
        std::array<pollfd, 3> all{pollfd{child.pidfd().get(), POLLIN, 0},
                                  pollfd{child.channel_fd(), POLLIN, 0},
                                  pollfd{child.errors_fd(), POLLIN, 0}};
        REQUIRE(::poll(all.data(), all.size(), 60'000) > 0);
        child.read_channel();
        child.read_errors();
        child.collect();
    }
}

void watch_to_the_end(Child& child) {
    watch(child, [&] { return child.exit_status().has_value(); });
}

}  // namespace

TEST_CASE("a child is alive once it has registered, and no more when its process has died") {
    Child child(child_that("serve"));
    CHECK_FALSE(child.alive());
    CHECK(child.view().registration == Registration::waiting);
    watch(child, [&] { return child.alive(); });
    CHECK(child.view().state == ServiceState::running);

    child.signal_group(SIGKILL);
    REQUIRE(wait_readable(child.pidfd().get()));
    // Nothing but the pidfd has told: its last word is still "running".
    CHECK(child.view().state == ServiceState::running);
    CHECK(child.view().registration == Registration::registered);
    CHECK_FALSE(child.alive());
    watch_to_the_end(child);
    CHECK_FALSE(child.alive());
}

TEST_CASE("a child killed by a signal is reported with name, pid and signal") {
    Child child(child_that("serve"));
    child.signal_group(SIGKILL);
    watch_to_the_end(child);
    CHECK(child.death_report() == "serve (pid " + std::to_string(child.pid()) + ") was killed by signal 9 (SIGKILL)");
}

TEST_CASE("a child that crashes is reported with its last line") {
    Child child(child_that("crash"));
    watch_to_the_end(child);
    CHECK_THAT(child.death_report(),
               Catch::Contains("was killed by signal 6 (SIGABRT); last line on stderr: about to fail"));
}

TEST_CASE("a child that ends before it registered has failed to register") {
    Child child(child_that("exit_0"));
    watch_to_the_end(child);
    CHECK(child.view().registration == Registration::error);
    CHECK_THAT(child.death_report(), Catch::EndsWith("exited with code 0"));
}

TEST_CASE("a child that floods stderr is read to its end, and its last lines are kept") {
    Child child(child_that("flood"));
    watch_to_the_end(child);
    const auto lines = child.last_lines();
    REQUIRE(lines.size() == 20);
    CHECK_THAT(lines.back(), Catch::StartsWith("line 19999"));
    CHECK_THAT(lines.front(), Catch::StartsWith("line 19980"));
    CHECK_THAT(child.death_report(), Catch::Contains("exited with code 3; last lines on stderr: line 19980"));
}

TEST_CASE("a child whose channel carries a damaged length has failed") {
    Child child(child_that("damaged_frame"));
    watch(child, [&] { return child.view().state == ServiceState::failed; });
    CHECK(child.channel_fd() == -1);
    child.kill();
    watch_to_the_end(child);
    CHECK_THAT(child.death_report(), Catch::Contains("its control channel was damaged"));
}

TEST_CASE("a child that lets go of its channel and stderr lives on, and nothing is left to wait for but its end") {
    Child child(child_that("let_go"));
    watch(child, [&] { return child.channel_fd() == -1 && child.errors_fd() == -1; });
    CHECK(child.alive());
    CHECK_FALSE(child.ask(hang_limit()));
    child.terminate();
    watch_to_the_end(child);
    CHECK(child.exit_status() == ExitStatus{ExitStatus::Kind::signalled, SIGTERM});
}

TEST_CASE("what a child says of its own deadline counts once, when it says it") {
    Child child(child_that("hold"));
    watch(child, [&] { return child.alive(); });
    CHECK_FALSE(child.take_leave_by());
    CHECK(child.ask(hang_limit()));
    std::optional<base::Instant> stated;
    watch(child, [&] {
        stated = child.take_leave_by();
        return stated.has_value();
    });
    CHECK((*stated > base::now()));
    CHECK_FALSE(child.take_leave_by());
}

TEST_CASE("the end of a child takes what it left in its group along") {
    ReportPipe report;
    SpawnOptions options = child_that("leave_grandchild");
    options.inherited = {report.writer()};
    Child child(options);
    report.close_writer();
    REQUIRE(report.read_pid() > 0);
    child.channel().send("{\"type\":\"leave\"}");
    watch_to_the_end(child);
    // The grandchild held our end of this pipe, and the child's stdout and stderr too.
    CHECK(report.at_end());
    CHECK(child.exit_status()->success());
}

TEST_CASE("a child whose status somebody else has taken is known to have ended, and its old number gets no signal") {
    Child child(child_that("exit_3"));
    REQUIRE(::waitpid(child.pid(), nullptr, 0) == child.pid());
    CHECK_FALSE(is_ours(child.pidfd()));
    watch_to_the_end(child);
    CHECK(child.exit_status() == ExitStatus{});
    CHECK_THAT(child.death_report(), Catch::EndsWith("ended; its exit status is not known"));
}

TEST_CASE("a child that is dropped is killed and reaped, and its descriptors are closed") {
    const auto before = open_descriptors();
    { const Child child(child_that("ignore_term")); }
    CHECK(open_descriptors() == before);
    CHECK(no_children_left());
}
