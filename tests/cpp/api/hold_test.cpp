#include "aiperf/api/hold.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace aiperf;
using namespace std::chrono_literals;
using api::HoldEnd;
using api::Wake;

namespace {

/// A server and a clock that only moves when somebody waits.
struct VirtualWorld {
    base::Instant now{100s};
    bool listening = true;
    std::optional<std::pair<base::Instant, Wake>> event;  ///< what happens, and when
    std::optional<base::Instant> dies_at;
    base::Nanoseconds longest_step = 1000s;  ///< a wait may come back early
    std::vector<std::string> told;           ///< in order
    std::optional<base::Instant> announced;

    api::HoldSurroundings surroundings() {
        return {[this] { return now; },
                [this] { return listening && !(dies_at && now >= *dies_at); },
                [this](base::Instant deadline) { return wait(deadline); },
                [this](base::Instant end) { announced = end; }};
    }

    Wake wait(base::Instant deadline) {
        told.emplace_back("wait");
        const base::Instant until = std::min(deadline, now + longest_step);
        if (event && event->first <= until) {
            now = std::max(now, event->first);
            return event->second;
        }
        now = until;
        return Wake::deadline;
    }

    /// The hold, and after it the order to the listener.
    HoldEnd end_run(base::Nanoseconds grace, base::Instant latest = base::Instant::max()) {
        const HoldEnd end = api::hold(now, grace, surroundings(), latest);
        told.emplace_back("stop listener");
        return end;
    }
};

const base::Instant k_published{100s};

}  // namespace

TEST_CASE("a grace above zero is held before the listener is told to stop") {
    VirtualWorld world;
    REQUIRE(world.end_run(5s) == HoldEnd::time);
    REQUIRE(world.told == std::vector<std::string>{"wait", "stop listener"});
    REQUIRE(world.now == k_published + 5s);
}

TEST_CASE("a grace of zero holds nothing") {
    VirtualWorld world;
    REQUIRE(world.end_run(0s) == HoldEnd::no_grace);
    REQUIRE(world.told == std::vector<std::string>{"stop listener"});
    REQUIRE(world.now == k_published);
    REQUIRE_FALSE(world.announced);
}

TEST_CASE("nothing is held where the listener never started or has finished") {
    VirtualWorld world;
    world.listening = false;
    REQUIRE(world.end_run(300s) == HoldEnd::no_server);
    REQUIRE(world.told == std::vector<std::string>{"stop listener"});
    REQUIRE(world.now == k_published);
}

TEST_CASE("the grace counts from the publication, once, however often a wait comes back early") {
    VirtualWorld world;
    world.longest_step = 300ms;
    const base::Instant published = world.now;
    world.now += 2s;  // confirmed late
    REQUIRE(api::hold(published, 10s, world.surroundings()) == HoldEnd::time);
    REQUIRE(world.now == published + 10s);
    REQUIRE(api::hold_until(published, 10s) == world.now);
}

TEST_CASE("a signal or a request ends the hold at that moment") {
    VirtualWorld world;
    world.event = {k_published + 1500ms, Wake::asked};
    REQUIRE(world.end_run(300s) == HoldEnd::asked);
    REQUIRE(world.now == k_published + 1500ms);
}

TEST_CASE("a server that dies ends the hold, told by its process or found by its listener") {
    VirtualWorld world;
    world.event = {k_published + 2s, Wake::server_died};
    REQUIRE(world.end_run(300s) == HoldEnd::server_died);
    REQUIRE(world.now == k_published + 2s);

    VirtualWorld silent;
    silent.dies_at = k_published + 3s;
    silent.longest_step = 1s;
    REQUIRE(silent.end_run(300s) == HoldEnd::server_died);
    REQUIRE(silent.now == k_published + 3s);
}

TEST_CASE("a budget for the whole ending cuts the hold") {
    VirtualWorld world;
    REQUIRE(world.end_run(300s, k_published + 8s) == HoldEnd::time);
    REQUIRE(world.now == k_published + 8s);
    REQUIRE(world.announced == k_published + 8s);

    VirtualWorld spent;
    REQUIRE(spent.end_run(5s, k_published - 1s) == HoldEnd::no_grace);
    REQUIRE(spent.now == k_published);
}

TEST_CASE("a grace that passed while the server confirmed is not held again") {
    VirtualWorld world;
    world.now += 700ms;
    REQUIRE(api::hold(k_published, 500ms, world.surroundings()) == HoldEnd::no_grace);
    REQUIRE(world.told.empty());
}
