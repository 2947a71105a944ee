#include "aiperf/process/bell.hpp"

#include "child_support.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <thread>
#include <unistd.h>

using namespace aiperf;
using namespace aiperf::process;
using namespace aiperf::process::test;
using namespace std::chrono_literals;

TEST_CASE("rings while nobody waits are kept as one") {
    const Bell bell;
    CHECK_FALSE(bell.take());
    bell.ring();
    bell.ring();
    bell.ring();
    CHECK(bell.take());
    CHECK_FALSE(bell.take());
    bell.ring();
    bell.ring();
    CHECK(bell.wait_until(hang_limit()));
    CHECK_FALSE(bell.wait_until(base::now()));
}

TEST_CASE("a wait without a ring ends at its deadline, not before") {
    const Bell bell;
    const base::Instant deadline = base::now() + 20ms;
    CHECK_FALSE(bell.wait_until(deadline));
    CHECK(base::now() >= deadline);
    CHECK_FALSE(bell.wait_until(base::now() - 1h));
}

TEST_CASE("a ring from another thread ends a wait without a deadline") {
    const Bell bell;
    std::thread other([&] { bell.ring(); });
    CHECK(bell.wait_until(base::Instant::max()));
    other.join();
    CHECK_FALSE(bell.take());
}

TEST_CASE("many threads may ring one bell") {
    const Bell bell;
    std::vector<std::thread> ringers;
    for (int i = 0; i < 4; ++i) {
        ringers.emplace_back([&] {
            for (int ring = 0; ring < 1000; ++ring) {
                bell.ring();
            }
        });
    }
    CHECK(bell.wait_until(hang_limit()));
    for (std::thread& ringer : ringers) {
        ringer.join();
    }
    static_cast<void>(bell.take());
    CHECK_FALSE(bell.take());
}

TEST_CASE("a forked process rings the bell it has") {
    const Bell bell;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        bell.ring();
        ::_exit(0);
    }
    CHECK(bell.wait_until(hang_limit()));
    CHECK(::waitpid(child, nullptr, 0) == child);
}

TEST_CASE("a started process rings the bell it inherits, and its end rings nothing") {
    const Bell bell;
    SpawnOptions options = child_that("ring");
    options.inherited = {bell.descriptor()};
    const SpawnedProcess child = spawn(options);
    CHECK(bell.wait_until(hang_limit()));
    REQUIRE(wait_readable(child.pidfd.get()));
    CHECK(reap(child.pidfd) == ExitStatus{ExitStatus::Kind::exited, 0});
    CHECK_FALSE(bell.take());
}
