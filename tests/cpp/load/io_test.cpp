#include "aiperf/load/io.hpp"

#include "aiperf/load/shared_state.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace std::chrono_literals;
using aiperf::base::Instant;
using aiperf::load::EpollIo;
using aiperf::load::Ready;
using aiperf::load::SharedMapping;

namespace {

/// Two connected sockets that do not block.
struct Pair {
    std::array<int, 2> fds{-1, -1};

    Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0); }

    ~Pair() {
        ::close(fds[0]);
        ::close(fds[1]);
    }

    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
};

}  // namespace

TEST_CASE("A thread that waits is not kept asleep for the sake of other timers") {
    int slack = 0;
    std::thread waiting([&slack] {
        EpollIo::prepare_thread();
        slack = ::prctl(PR_GET_TIMERSLACK);
    });
    waiting.join();
    CHECK(slack == 1);
}

TEST_CASE("A wake-up from another thread ends a wait, once") {
    EpollIo io;
    std::thread other([&io] { io.wake(); });
    const auto ready = io.wait(true);
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].token == EpollIo::k_wake_token);
    other.join();
    CHECK(io.wait(false).empty());
    io.wake();
    io.wake();
    CHECK(io.wait(true).size() == 1);
    CHECK(io.wait(false).empty());
}

TEST_CASE("The timer fires at its instant, not before, and not again") {
    EpollIo io;
    const Instant due = aiperf::base::now() + 5ms;
    io.arm(due);
    CHECK(io.wait(false).empty());
    const auto ready = io.wait(true);
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].token == EpollIo::k_timer_token);
    CHECK(aiperf::base::now() >= due);
    CHECK(io.wait(false).empty());
}

TEST_CASE("A timer armed for the past fires at once, again and again where it is armed again") {
    EpollIo io;
    const Instant past = aiperf::base::now() - 1s;
    for (const Instant when : {past, past, Instant{}, Instant(-5s)}) {
        io.arm(when);
        const auto ready = io.wait(true);
        REQUIRE(ready.size() == 1);
        CHECK(ready[0].token == EpollIo::k_timer_token);
    }
}

TEST_CASE("A timer that was put off or called off does not fire") {
    EpollIo io;
    io.arm(aiperf::base::now() - 1s);
    io.arm(aiperf::base::now() + 1h);
    CHECK(io.wait(false).empty());
    io.arm(aiperf::base::now() - 1s);
    io.arm(Instant::max());
    CHECK(io.wait(false).empty());
}

TEST_CASE("A socket is reported when it becomes ready, once for each change") {
    EpollIo io;
    Pair pair;
    REQUIRE(io.watch(pair.fds[0], 42));
    auto ready = io.wait(true);
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].token == 42);
    CHECK(ready[0].writable);
    CHECK_FALSE(ready[0].readable);
    CHECK(io.wait(false).empty());
    REQUIRE(::write(pair.fds[1], "hello", 5) == 5);
    ready = io.wait(true);
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].readable);
    CHECK_FALSE(ready[0].hangup);
    CHECK(io.wait(false).empty());
    std::array<char, 8> buffer{};
    CHECK(::recv(pair.fds[0], buffer.data(), buffer.size(), 0) == 5);
    REQUIRE(::shutdown(pair.fds[1], SHUT_WR) == 0);
    ready = io.wait(true);
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].hangup);
    CHECK_FALSE(io.watch(-1, 1));
}

TEST_CASE("The shared state begins empty and gives each worker counters of its own") {
    const SharedMapping mapping(3);
    aiperf::load::SharedState& state = mapping.state();
    CHECK(state.workers == 3);
    CHECK(state.phase.load() == 0);
    CHECK(state.next_index.load() == 0);
    for (std::uint32_t worker = 0; worker < 3; ++worker) {
        CHECK(state.counters(worker).sent.load() == 0);
        CHECK(reinterpret_cast<std::uintptr_t>(&state.counters(worker)) % 64 == 0);  // NOLINT: a cache line of its own
        aiperf::load::WorkerCounters::add(state.counters(worker).sent);
        state.counters(worker).time_to_first_token.add(1000);
    }
    CHECK(state.counters(1).sent.load() == 1);
    state.counters(1).reset();
    CHECK(state.counters(0).sent.load() == 1);
    CHECK(state.counters(1).sent.load() == 0);
    CHECK(state.counters(1).time_to_first_token.count() == 0);
    CHECK(state.counters(2).time_to_first_token.count() == 1);
}
