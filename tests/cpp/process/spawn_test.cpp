#include "aiperf/process/spawn.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/process/channel.hpp"
#include "child_support.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <string>

using namespace aiperf;
using namespace aiperf::process;
using namespace aiperf::process::test;

namespace {

ExitStatus status_of(const SpawnedProcess& process) {
    REQUIRE(wait_readable(process.pidfd.get()));
    return reap(process.pidfd).value();
}

/// What a child of `options` finds at its start.
nlohmann::json description(SpawnOptions options) {
    SpawnedProcess process = spawn(options);
    Channel channel(std::move(process.channel));
    const auto text = channel.receive_until(hang_limit());
    REQUIRE(text);
    CHECK(status_of(process).success());
    return nlohmann::json::parse(*text);
}

}  // namespace

TEST_CASE("a child's exit code is seen through its pidfd") {
    const SpawnedProcess process = spawn(child_that("exit_3"));
    CHECK(status_of(process) == ExitStatus{ExitStatus::Kind::exited, 3});
    CHECK(has_ended(process.pidfd));
    CHECK(no_children_left());
}

TEST_CASE("a child that runs has not ended and has no status") {
    const SpawnedProcess process = spawn(child_that("silent"));
    CHECK_FALSE(has_ended(process.pidfd));
    CHECK_FALSE(reap(process.pidfd));
    REQUIRE(::kill(process.pid, SIGKILL) == 0);
    CHECK(status_of(process) == ExitStatus{ExitStatus::Kind::signalled, SIGKILL});
}

TEST_CASE("a program that is not there is refused by name, and nothing is left of the attempt") {
    const auto before = open_descriptors();
    SpawnOptions options = child_that("serve");
    options.name = "worker_1";
    options.executable = "/nonexistent/helper";
    CHECK_THROWS_WITH(
        spawn(options),
        Catch::Contains("worker_1") && Catch::Contains("/nonexistent/helper") && Catch::Contains("No such file"));
    CHECK(open_descriptors() == before);
    CHECK(no_children_left());
}

TEST_CASE("a child has its own group, default signals, and no descriptor but those it was given") {
    sigset_t usr1;
    sigset_t old;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    REQUIRE(::pthread_sigmask(SIG_BLOCK, &usr1, &old) == 0);
    const auto old_usr2 = std::signal(SIGUSR2, SIG_IGN);
    const Descriptor leaky{::open("/dev/null", O_RDONLY)};  // not close-on-exec
    const auto found = description(child_that("describe"));
    std::signal(SIGUSR2, old_usr2);
    ::pthread_sigmask(SIG_SETMASK, &old, nullptr);

    CHECK(found["leads_group"] == true);
    CHECK(found["usr1_blocked"] == false);
    CHECK(found["usr2_ignored"] == false);
    CHECK(std::set<int>(found["descriptors"].begin(), found["descriptors"].end()) == std::set<int>{0, 1, 2, 3});
}

TEST_CASE("descriptors passed on arrive from 4 in their order, whatever their numbers were") {
    SpawnOptions options = child_that("describe");
    const Descriptor low{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
    const Descriptor high{::fcntl(low.get(), F_DUPFD_CLOEXEC, 40)};
    options.inherited = {high.get(), low.get(), low.get()};
    const auto found = description(options);
    CHECK(std::set<int>(found["descriptors"].begin(), found["descriptors"].end()) ==
          std::set<int>{0, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("a child has the environment, the name and the directory it was given, and no more") {
    SpawnOptions options = child_that("describe");
    options.name = "worker_7";
    options.environment = {{"GREETING", "hello=world"}};
    options.working_directory = "/";
    const auto found = description(options);
    CHECK(found["name"] == "worker_7");
    CHECK(found["directory"] == "/");
    CHECK(found["environment"]["GREETING"] == "hello=world");
    CHECK(found["environment"].size() == 4);
}
