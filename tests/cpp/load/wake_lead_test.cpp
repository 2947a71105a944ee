#include "aiperf/load/wake_lead.hpp"

#include <catch2/catch.hpp>

using aiperf::load::WakeLead;
using namespace std::chrono_literals;

TEST_CASE("A lead settles where three wakes of four are in time") {
    WakeLead lead;
    CHECK(lead.lead() == 0ns);
    for (int i = 0; i < 4000; ++i) {
        lead.woke(std::chrono::microseconds(10 + i * 7 % 20));  // 10 to 29 us late, evenly
    }
    CHECK(lead.lead() >= 22us);
    CHECK(lead.lead() <= 27us);
}

TEST_CASE("A lead is never longer than is good, and a single stop changes it little") {
    WakeLead lead;
    for (int i = 0; i < 400; ++i) {
        lead.woke(20us);
    }
    const auto before = lead.lead();
    lead.woke(80ms);
    CHECK(lead.lead() - before <= 1us);
    for (int i = 0; i < 1000; ++i) {
        lead.woke(10ms);
    }
    CHECK(lead.lead() == WakeLead::k_most);
}

TEST_CASE("A lead goes away where a thread is always awake in time") {
    WakeLead lead;
    for (int i = 0; i < 100; ++i) {
        lead.woke(20us);
    }
    for (int i = 0; i < 1000; ++i) {
        lead.woke(0us);
    }
    CHECK(lead.lead() == 0ns);
}
