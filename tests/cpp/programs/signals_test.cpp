#include "signals.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <csignal>
#include <functional>
#include <optional>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

using aiperf::programs::asks_for_end;
using aiperf::programs::ExitOnSignal;
using aiperf::programs::SignalQueue;
using aiperf::programs::stop_program;

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

/// The exit code of a child that does this; -1 where a signal ended it.
int exit_of(const std::function<int()>& work) {
    const pid_t child = fork();
    if (child == 0) {
        _exit(work());
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// The exit code of a child that gets SIGTERM: while its work is guarded, or after.
int exit_of_child(bool guarded) {
    return exit_of([guarded] {
        SignalQueue queue;
        std::optional<ExitOnSignal> guard(std::in_place, queue, [](int) {});
        if (!guarded) {
            guard.reset();
        }
        kill(getpid(), SIGTERM);
        while (guarded || !queue.next()) {
            sched_yield();
        }
        return 7;
    });
}

}  // namespace

TEST_CASE("a signal during guarded work ends the program") {
    REQUIRE(exit_of_child(true) == 128 + SIGTERM);
}

TEST_CASE("a signal after the guarded work waits in the queue") {
    REQUIRE(exit_of_child(false) == 7);
}

TEST_CASE("SIGUSR1, Ctrl-Z and SIGCONT wait in the queue and do nothing by themselves") {
    REQUIRE(exit_of([] {
                SignalQueue queue;
                kill(getpid(), SIGUSR1);
                kill(getpid(), SIGTSTP);
                const bool both = queue.next() == SIGUSR1 && queue.next() == SIGTSTP;
                kill(getpid(), SIGCONT);
                return both && queue.next() == SIGCONT && !queue.next() ? 7 : 1;
            }) == 7);
}

TEST_CASE("a signal that was ignored at the start stays ignored") {
    REQUIRE(exit_of([] {
                std::signal(SIGHUP, SIG_IGN);
                std::signal(SIGTSTP, SIG_IGN);
                SignalQueue queue;
                kill(getpid(), SIGHUP);
                kill(getpid(), SIGTSTP);
                return queue.next() ? 1 : 7;
            }) == 7);
}

TEST_CASE("only what asks for the end does") {
    REQUIRE(asks_for_end(SIGINT));
    REQUIRE(asks_for_end(SIGTERM));
    REQUIRE(asks_for_end(SIGHUP));
    for (const int signal : {SIGUSR1, SIGTSTP, SIGCONT}) {
        REQUIRE_FALSE(asks_for_end(signal));
    }
}

TEST_CASE("signals during guarded work that do not ask for the end are told and end nothing") {
    REQUIRE(exit_of([] {
                SignalQueue queue;
                std::atomic<int> told{0};
                const ExitOnSignal guard(queue, [&told](int signal) { told += signal; });
                kill(getpid(), SIGUSR1);
                while (told != SIGUSR1) {
                    sched_yield();
                }
                kill(getpid(), SIGCONT);
                while (told != SIGUSR1 + SIGCONT) {
                    sched_yield();
                }
                return 7;
            }) == 7);
}

namespace {

/// A child in a group of its own that stops itself, in the middle of other work.
pid_t start_stopping_child(int waiting_stops) {
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        SignalQueue queue;
        for (int i = 0; i < waiting_stops; ++i) {
            kill(getpid(), SIGTSTP);
        }
        stop_program();
        _exit(queue.next() == SIGCONT ? 7 : 1);
    }
    return child;
}

}  // namespace

TEST_CASE("the program stops itself once, and goes on at SIGCONT, however many Ctrl-Z wait") {
    for (const int waiting : {0, 2}) {
        const pid_t child = start_stopping_child(waiting);
        int status = 0;
        REQUIRE(waitpid(child, &status, WUNTRACED) == child);
        REQUIRE(WIFSTOPPED(status));
        REQUIRE(WSTOPSIG(status) == SIGTSTP);
        REQUIRE(kill(child, SIGCONT) == 0);
        REQUIRE(waitpid(child, &status, WUNTRACED) == child);
        REQUIRE(WIFEXITED(status));
        REQUIRE(WEXITSTATUS(status) == 7);
    }
}

TEST_CASE("the program does not stop where it was continued already") {
    REQUIRE(exit_of([] {
                SignalQueue queue;
                kill(getpid(), SIGCONT);
                stop_program();
                return queue.next() == SIGCONT ? 7 : 1;
            }) == 7);
}

TEST_CASE("the program does not stop where nobody could continue it") {
    REQUIRE(exit_of([] {
                setsid();
                SignalQueue queue;
                stop_program();
                return queue.next() ? 1 : 7;
            }) == 7);
}
