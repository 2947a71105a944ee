#include "aiperf/mock/timer_heap.hpp"

#include "aiperf/base/rng.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <map>

using namespace aiperf;

TEST_CASE("the earliest timer is the least of those set, whatever was set, moved and cancelled before") {
    base::Rng rng(11);
    mock::TimerHeap heap;
    std::map<std::uint32_t, std::int64_t> expected;
    for (int i = 0; i < 20000; ++i) {
        const auto slot = static_cast<std::uint32_t>(rng.below(100));
        if (rng.below(3) == 0) {
            heap.cancel(slot);
            expected.erase(slot);
        } else {
            const auto due = static_cast<std::int64_t>(rng.below(1000));
            heap.set(slot, due);
            expected[slot] = due;
        }
        std::int64_t least = mock::TimerHeap::k_never;
        for (const auto& [key, due] : expected) {
            least = std::min(least, due);
        }
        REQUIRE(heap.earliest() == least);
        if (!expected.empty()) {
            REQUIRE(expected.at(heap.earliest_slot()) == least);
        }
    }
}
