#include "aiperf/process/child_link.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/process/child.hpp"
#include "child_support.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <sys/prctl.h>

using namespace aiperf;
using namespace aiperf::process;
using namespace aiperf::process::test;

namespace {

/// Lets this process have the orphans below it, so that their ends can be asked for.
class AdoptOrphans {
public:
    AdoptOrphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

    ~AdoptOrphans() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }

    AdoptOrphans(const AdoptOrphans&) = delete;
    AdoptOrphans& operator=(const AdoptOrphans&) = delete;
};

/// Starts a program with a child of its own, kills the program, and tells how the child ended.
ExitStatus end_of_child_after_death_of(const std::string& behaviour) {
    const AdoptOrphans adopt;
    ReportPipe report;
    SpawnOptions options = child_that(behaviour);
    options.inherited = {report.writer()};
    SpawnedProcess parent = spawn(options);
    report.close_writer();
    const pid_t child_pid = report.read_pid();
    REQUIRE(child_pid > 0);
    const Descriptor child = open_pidfd(child_pid);
    REQUIRE(child);
    CHECK_FALSE(has_ended(child));

    REQUIRE(::kill(parent.pid, SIGKILL) == 0);
    REQUIRE(wait_readable(child.get()));
    REQUIRE(wait_readable(parent.pidfd.get()));
    CHECK(reap(parent.pidfd) == ExitStatus{ExitStatus::Kind::signalled, SIGKILL});
    CHECK(report.at_end());
    return reap(child).value();
}

}  // namespace

TEST_CASE("SIGKILL of a program takes its children along, though they ignore INT and TERM") {
    CHECK(end_of_child_after_death_of("parent") == ExitStatus{ExitStatus::Kind::signalled, SIGKILL});
    CHECK(no_children_left());
}

TEST_CASE("a child whose parent died before the death signal was armed ends by itself") {
    CHECK(end_of_child_after_death_of("parent_of_late_one") ==
          ExitStatus{ExitStatus::Kind::exited, k_orphan_exit_code});
    CHECK(no_children_left());
}

TEST_CASE("a program that was not started by us is told so") {
    CHECK_THROWS_WITH(ChildLink::from_environment({}), Catch::Contains("AIPERF_CHILD_PARENT_PID is missing or wrong"));
    CHECK_THROWS_WITH(ChildLink::from_environment({{k_parent_variable, "x1"}}),
                      Catch::Contains("AIPERF_CHILD_PARENT_PID is missing or wrong"));
}
