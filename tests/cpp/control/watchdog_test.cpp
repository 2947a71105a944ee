#include "watchdog.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <string>

using namespace aiperf;
using namespace std::chrono_literals;
using control::is_stuck;
using control::Watchdog;
using control::WatchedStep;

namespace {

const base::Instant k_begin{1000s};

/// Looks as often as the watchdog does, and gives the first sentence up to `end`.
std::optional<std::string> look_until(WatchedStep& step, base::Instant from, base::Instant end) {
    for (base::Instant now = from; now <= end; now += control::k_watchdog_tick) {
        if (auto sentence = step.look(now)) {
            return sentence;
        }
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("a step is stuck once it is more than the slack behind its deadline") {
    REQUIRE_FALSE(is_stuck(k_begin, k_begin + 1s));
    REQUIRE_FALSE(is_stuck(k_begin + 10s, k_begin));
    REQUIRE(is_stuck(k_begin + 10s + 1ns, k_begin));
    REQUIRE(is_stuck(k_begin + 2s, k_begin, 1s));
    REQUIRE_FALSE(is_stuck(k_begin + 1s, k_begin, 1s));
}

TEST_CASE("a step without a deadline is never stuck") {
    REQUIRE_FALSE(is_stuck(base::Instant::max(), std::nullopt));
    REQUIRE_FALSE(is_stuck(k_begin, base::Instant::max()));
    WatchedStep step;
    REQUIRE_FALSE(step.look(k_begin));
    step.enter("profiling", std::nullopt, k_begin);
    REQUIRE_FALSE(look_until(step, k_begin, k_begin + 3600s));
    REQUIRE(step.where(k_begin + 3600s) == "profiling for 3600.0 s, without a deadline");
}

TEST_CASE("the sentence names the step, and comes once per step") {
    WatchedStep step;
    step.enter("exporting", k_begin + 5s, k_begin);
    REQUIRE_FALSE(look_until(step, k_begin, k_begin + 15s));
    REQUIRE(step.look(k_begin + 15500ms) == "stuck in exporting: it began 15.5 s ago and had to end 10.5 s ago");
    REQUIRE_FALSE(look_until(step, k_begin + 16s, k_begin + 100s));
    step.enter("closing", k_begin + 101s, k_begin + 100s);
    REQUIRE(look_until(step, k_begin + 100s, k_begin + 200s) ==
            "stuck in closing: it began 11.5 s ago and had to end 10.5 s ago");
}

TEST_CASE("a step that has ended is not stuck, nor is the next one for it") {
    WatchedStep step;
    step.enter("exporting", k_begin + 5s, k_begin);
    step.leave();
    REQUIRE_FALSE(look_until(step, k_begin, k_begin + 100s));
    REQUIRE(step.where(k_begin) == "no step");
    step.enter("exporting", k_begin + 105s, k_begin + 100s);
    step.enter("holding", k_begin + 160s, k_begin + 101s);
    REQUIRE_FALSE(look_until(step, k_begin + 101s, k_begin + 170s));
    REQUIRE(look_until(step, k_begin + 170s, k_begin + 171s));
}

TEST_CASE("the time in which the process was stopped does not count") {
    WatchedStep step;
    step.enter("exporting", k_begin + 5s, k_begin);
    REQUIRE_FALSE(look_until(step, k_begin, k_begin + 4s));
    const base::Instant resumed = k_begin + 4s + 600s;
    REQUIRE_FALSE(step.look(resumed));
    REQUIRE(step.where(resumed) == "exporting for 604.0 s, at most 1.0 s more");
    REQUIRE_FALSE(look_until(step, resumed, resumed + 11s));
    REQUIRE(look_until(step, resumed + 11s, resumed + 12s));
}

TEST_CASE("a look that comes a little late moves no deadline") {
    WatchedStep step;
    step.enter("exporting", k_begin + 5s, k_begin);
    for (auto now = k_begin; now <= k_begin + 14s; now += control::k_watchdog_gap) {
        REQUIRE_FALSE(step.look(now));
    }
    REQUIRE(step.where(k_begin + 14s) == "exporting for 14.0 s, 9.0 s behind its deadline");
    REQUIRE(step.look(k_begin + 15s + 1ms));
}

TEST_CASE("a deadline that never comes is not moved beyond the clock") {
    WatchedStep step;
    step.enter("profiling", base::Instant::max(), k_begin);
    REQUIRE_FALSE(step.look(k_begin + 3600s));
    REQUIRE(step.where(k_begin + 3600s) == "profiling for 3600.0 s, without a deadline");
}

TEST_CASE("the watchdog tells on its own thread, once") {
    std::atomic<std::int64_t> now_ns{std::chrono::nanoseconds(k_begin.time_since_epoch()).count()};
    std::atomic<int> looks{0};
    std::atomic<int> told{0};
    std::promise<std::string> sentence;
    const auto look_at_clock = [&] {
        ++looks;
        return base::Instant(base::Nanoseconds(now_ns.load()));
    };
    Watchdog watchdog(
        [&](const std::string& text) {
            if (++told == 1) {
                sentence.set_value(text);
            }
        },
        look_at_clock,
        1ms);
    watchdog.enter("draining", k_begin - 9s);
    REQUIRE(watchdog.where(k_begin) == "draining for 0.0 s, 9.0 s behind its deadline");
    now_ns += std::chrono::nanoseconds(1500ms).count();
    auto heard = sentence.get_future();
    REQUIRE(heard.wait_for(60s) == std::future_status::ready);
    REQUIRE(heard.get() == "stuck in draining: it began 1.5 s ago and had to end 10.5 s ago");
    const int seen = looks.load();
    for (int later = seen; later < seen + 5; later = looks.load()) {
        std::this_thread::yield();
    }
    REQUIRE(told == 1);
    watchdog.leave();
    REQUIRE(watchdog.where(k_begin) == "no step");
}

TEST_CASE("a watchdog nobody listens to, and one without a step, end at once") {
    Watchdog silent(
        {}, [] { return k_begin + 100s; }, 1ms);
    silent.enter("draining", k_begin);
    const Watchdog idle([](const std::string&) {});
}
