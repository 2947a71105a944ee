#include "aiperf/load/turn_watch.hpp"

#include <catch2/catch.hpp>

using namespace aiperf;  // NOLINT: a test
using namespace std::chrono_literals;
using load::TurnWatch;

namespace {

constexpr base::Instant k_start{1s};

TurnWatch begun() {
    TurnWatch watch;
    watch.begin(k_start);
    return watch;
}

}  // namespace

TEST_CASE("a wait that ended late makes what it brought late") {
    TurnWatch watch = begun();
    watch.over(k_start + 1ms);
    watch.woke(k_start + 12ms, k_start + 10ms);
    CHECK(watch.late(k_start + 12ms) == 2ms);
    watch.over(k_start + 13ms);
    watch.woke(k_start + 14ms, k_start + 20ms);  // something came before its time was up
    CHECK(watch.late(k_start + 14ms) == 0ms);
}

TEST_CASE("a stop within a turn makes the rest of it late, and what came meanwhile, which the next one reads") {
    TurnWatch watch = begun();
    watch.woke(k_start + 10ms, k_start + 20ms);
    CHECK(watch.late(k_start + 11ms) == 0ms);  // a short turn is work
    CHECK(watch.late(k_start + 210ms) == 200ms);
    watch.over(k_start + 210ms);
    watch.woke(k_start + 210ms, k_start + 230ms);
    CHECK(watch.late(k_start + 210ms) == 200ms);
    watch.over(k_start + 211ms);
    watch.woke(k_start + 215ms, k_start + 230ms);
    CHECK(watch.late(k_start + 215ms) == 0ms);
}

TEST_CASE("a stop between two turns that do not wait counts as well") {
    TurnWatch watch = begun();
    watch.over(k_start + 1ms);
    watch.woke(k_start + 2ms, base::Instant::max());
    CHECK(watch.late(k_start + 2ms) == 0ms);
    watch.over(k_start + 3ms);
    watch.woke(k_start + 203ms, base::Instant::max());
    CHECK(watch.late(k_start + 203ms) == 200ms);
}
