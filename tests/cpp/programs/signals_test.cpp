#include "signals.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <pthread.h>

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
