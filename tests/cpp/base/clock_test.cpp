#include "aiperf/base/clock.hpp"

#include <catch2/catch.hpp>

#include <time.h>

using namespace aiperf;

namespace {

std::int64_t read_clock(clockid_t clock) {
    timespec time{};
    REQUIRE(clock_gettime(clock, &time) == 0);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

// It stands still while the machine sleeps, and no step of the wall clock moves it. So do the hold and every deadline,
// which are counted on nothing else.
TEST_CASE("now is CLOCK_MONOTONIC") {
    const std::int64_t before = read_clock(CLOCK_MONOTONIC);
    const std::int64_t now = base::now_ns();
    const std::int64_t after = read_clock(CLOCK_MONOTONIC);
    CHECK(before <= now);
    CHECK(now <= after);
}

TEST_CASE("an anchor gives wall time for monotonic stamps") {
    const std::int64_t before = read_clock(CLOCK_REALTIME);
    const base::WallAnchor anchor = base::WallAnchor::take();
    const std::int64_t after = read_clock(CLOCK_REALTIME);
    CHECK(before <= anchor.wall_ns);
    CHECK(anchor.wall_ns <= after);
    CHECK(anchor.to_wall_ns(anchor.monotonic_ns + 1500) == anchor.wall_ns + 1500);
}
