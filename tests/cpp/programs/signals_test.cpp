#include "signals.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <optional>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

using aiperf::programs::ExitOnSignal;
using aiperf::programs::SignalQueue;

TEST_CASE("signals wait in the queue and end nothing") {
    sigset_t before;
    REQUIRE(pthread_sigmask(SIG_SETMASK, nullptr, &before) == 0);
    {
        SignalQueue queue;
        REQUIRE_FALSE(queue.next());
        REQUIRE(std::raise(SIGINT) == 0);
        REQUIRE(std::raise(SIGTERM) == 0);
        REQUIRE(queue.next() == SIGINT);
        REQUIRE(queue.next() == SIGTERM);
        REQUIRE_FALSE(queue.next());
    }
    REQUIRE(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
}

namespace {

/// The exit code of a child that gets SIGTERM: while its work is guarded, or after.
int exit_of_child(bool guarded) {
    const pid_t child = fork();
    if (child == 0) {
        SignalQueue queue;
        std::optional<ExitOnSignal> guard(std::in_place, queue);
        if (!guarded) {
            guard.reset();
        }
        kill(getpid(), SIGTERM);
        while (guarded || !queue.next()) {
            sched_yield();
        }
        _exit(7);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a signal during guarded work ends the program") {
    REQUIRE(exit_of_child(true) == 128 + SIGTERM);
}

TEST_CASE("a signal after the guarded work waits in the queue") {
    REQUIRE(exit_of_child(false) == 7);
}
