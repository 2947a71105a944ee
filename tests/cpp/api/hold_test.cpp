#include "aiperf/api/hold.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

using namespace aiperf;
using namespace std::chrono_literals;
using api::Audience;
using api::HoldEnd;
using api::HoldRules;
using api::HoldTerm;
using api::Wake;

namespace {

/// A server and a clock that only moves when somebody waits.
struct VirtualWorld {
    base::Instant published{100s};
    base::Instant now{100s};
    bool listening = true;
    std::optional<std::pair<base::Instant, Wake>> event;  ///< what happens, and when
    std::optional<base::Instant> dies_at;
    base::Nanoseconds longest_step = 1000s;  ///< a wait may come back early
    std::vector<std::string> told;           ///< in order
    std::optional<base::Instant> announced;
    std::optional<base::Instant> confirmed{base::Instant{}};              ///< a moment: when that becomes known
    std::vector<std::pair<base::Instant, Audience>> audiences{{{}, {}}};  ///< from when on who has asked what

    api::HoldSurroundings surroundings() {
        return {[this] { return now; },
                [this] { return listening && !(dies_at && now >= *dies_at); },
                [this](base::Instant deadline) { return wait(deadline); },
                [this](base::Instant end) { announced = end; },
                [this] { return confirmation(); },
                [this] { return audience(); }};
    }

    std::optional<base::Instant> confirmation() const {
        if (confirmed == base::Instant{}) {
            return published;
        }
        return confirmed && now >= *confirmed ? confirmed : std::nullopt;
    }

    Audience audience() const {
        Audience current;
        for (const auto& [from, next] : audiences) {
            current = now >= from ? next : current;
        }
        return current;
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
        HoldRules rules;
        rules.grace = grace;
        rules.latest = latest;
        return end_run(rules);
    }

    HoldEnd end_run(const HoldRules& rules) {
        const HoldEnd end = api::hold(published, rules, surroundings());
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
    world.now += 2s;  // much else was done
    REQUIRE(world.end_run(10s) == HoldEnd::time);
    REQUIRE(world.now == k_published + 10s);
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
    REQUIRE(world.end_run(500ms) == HoldEnd::no_grace);
    REQUIRE(world.told == std::vector<std::string>{"stop listener"});
}

TEST_CASE("a live results server that confirms nothing gets the grace, and half a second at least") {
    for (const auto& [grace, held] : std::vector<std::pair<base::Nanoseconds, base::Nanoseconds>>{
             {300s, 300s}, {5s, 5s}, {500ms, 500ms}, {200ms, 500ms}, {0s, 500ms}}) {
        VirtualWorld world;
        world.confirmed.reset();
        REQUIRE(world.end_run(grace) == HoldEnd::time);
        REQUIRE(world.now == k_published + held);
    }
}

TEST_CASE("a confirmation that comes late keeps the whole grace, from then on") {
    VirtualWorld world;
    world.longest_step = 100ms;
    world.confirmed = k_published + 400ms;
    REQUIRE(world.end_run(5s) == HoldEnd::time);
    REQUIRE(world.now == k_published + 5400ms);
    REQUIRE(world.announced == world.now);

    VirtualWorld none;
    none.longest_step = 100ms;
    none.confirmed = k_published + 400ms;
    REQUIRE(none.end_run(0s) == HoldEnd::time);
    REQUIRE(none.now == k_published + 400ms);  // it has said what there was to wait for
}

TEST_CASE("a results server that never came up, has failed, stopped or died is not waited for at all") {
    for (const bool confirmed : {true, false}) {
        VirtualWorld world;
        world.listening = false;
        world.confirmed = confirmed ? world.confirmed : std::nullopt;
        REQUIRE(world.end_run(5s) == HoldEnd::no_server);
        REQUIRE(world.now - k_published <= api::k_delivery_floor);
    }
}

TEST_CASE("the hold ends once everybody who had asked knows, and has been quiet for half a second") {
    HoldRules rules;
    rules.grace = 60s;
    rules.ends_when_read = true;
    VirtualWorld world;
    world.longest_step = 100ms;
    world.audiences = {{{}, {2, 2, k_published - 1s, k_published - 1s}},
                       {k_published + 1s, {2, 1, k_published - 1s, k_published + 1s}},
                       {k_published + 2s, {2, 0, {}, k_published + 2s}},
                       {k_published + 2300ms, {2, 0, {}, k_published + 2300ms}}};  // a file is fetched
    REQUIRE(world.end_run(rules) == HoldEnd::read);
    REQUIRE(world.now == k_published + 2800ms);
}

TEST_CASE("everybody may know at once: half a second is held all the same, but no more than the grace") {
    HoldRules rules;
    rules.grace = 60s;
    rules.ends_when_read = true;
    VirtualWorld world;
    world.audiences = {{{}, {3, 0, {}, k_published - 5s}}};
    REQUIRE(world.end_run(rules) == HoldEnd::read);
    REQUIRE(world.now == k_published + api::k_quiet);

    rules.grace = 200ms;
    VirtualWorld shorter;
    shorter.audiences = world.audiences;
    REQUIRE(shorter.end_run(rules) == HoldEnd::time);
    REQUIRE(shorter.now == k_published + 200ms);
}

TEST_CASE("where nobody has asked, the whole grace is there for whoever comes") {
    HoldRules rules;
    rules.grace = 5s;
    rules.ends_when_read = true;
    VirtualWorld world;
    REQUIRE(world.end_run(rules) == HoldEnd::time);
    REQUIRE(world.now == k_published + 5s);
}

TEST_CASE("a client seen lately that does not know yet is waited for, up to the longest grace") {
    HoldRules rules;
    rules.grace = 5s;
    rules.grace_max = 30s;
    VirtualWorld comes;
    comes.longest_step = 100ms;
    comes.audiences = {{{}, {1, 1, k_published - 2s, k_published - 2s}},
                       {k_published + 8s, {1, 0, {}, k_published + 8s}}};
    REQUIRE(comes.end_run(rules) == HoldEnd::time);
    REQUIRE(comes.now == k_published + 8s);

    VirtualWorld never;
    never.longest_step = 1s;
    never.audiences = {{{}, {1, 1, k_published - 2s, k_published - 2s}}};
    REQUIRE(never.end_run(rules) == HoldEnd::time);
    REQUIRE(never.now == k_published + 30s);

    VirtualWorld long_gone;
    long_gone.audiences = {{{}, {1, 1, k_published - 50s, k_published - 50s}}};
    REQUIRE(long_gone.end_run(rules) == HoldEnd::time);
    REQUIRE(long_gone.now == k_published + 10s);  // a minute after it was seen last
}

TEST_CASE("a server that lingers is held until somebody asks, dies, or the budget is spent") {
    HoldRules rules;
    rules.grace = 1s;
    rules.lingers = true;
    rules.ends_when_read = true;
    VirtualWorld world;
    world.audiences = {{{}, {1, 0, {}, k_published}}};
    world.event = {k_published + 24h, Wake::asked};
    world.longest_step = 1h;
    REQUIRE(world.end_run(rules) == HoldEnd::asked);
    REQUIRE(world.now == k_published + 24h);
    REQUIRE(world.announced == base::Instant::max());

    rules.latest = k_published + 9s;
    VirtualWorld hurried;
    REQUIRE(hurried.end_run(rules) == HoldEnd::time);
    REQUIRE(hurried.now == k_published + 9s);
}

namespace {

/// The rules again, as a list of sentences instead of a formula: the end is the first moment, in steps, at which
/// nothing asks for more.
HoldTerm term_by_steps(const HoldRules& rules, std::optional<base::Instant> confirmed, const Audience& audience) {
    constexpr base::Nanoseconds k_step = 500ms;
    const base::Instant from = confirmed ? *confirmed : k_published;
    for (base::Instant now = k_published - 10s;; now += k_step) {
        if (now >= rules.latest) {
            return {rules.latest, HoldEnd::time};
        }
        if (now > k_published + 200s) {
            return {base::Instant::max(), HoldEnd::time};  // it lingers
        }
        const bool all_know = audience.clients > 0 && audience.unread == 0;
        const bool in_grace = now < from + rules.grace || (!confirmed && now < from + 500ms);
        const bool waits = audience.unread > 0 && now < from + rules.grace_max && now < audience.last_unread + 60s;
        const bool quiet = now >= from + 500ms && now >= audience.last_active + 500ms;
        if (rules.lingers || waits || (in_grace && !(rules.ends_when_read && all_know && quiet))) {
            continue;
        }
        if (now < from) {
            continue;
        }
        return {now, in_grace ? HoldEnd::read : HoldEnd::time};
    }
}

}  // namespace

TEST_CASE("in every combination of rules and clients the term is what the rules say in words") {
    std::size_t cases = 0;
    for (const base::Nanoseconds grace : {0s, 1s, 5s, 100s}) {
        for (const base::Nanoseconds grace_max : {0s, 3s, 20s, 150s}) {
            for (const int flags : {0, 1, 2, 3}) {
                for (const base::Instant latest : {base::Instant::max(), k_published + 2s, k_published + 30s}) {
                    for (const int confirmation : {-1, 0, 1}) {
                        for (const auto& [clients, unread] :
                             std::vector<std::pair<std::size_t, std::size_t>>{{0, 0}, {2, 0}, {2, 1}, {2, 2}}) {
                            for (const base::Nanoseconds seen : {-100s, -58s, -1s, 0s, 2s}) {
                                HoldRules rules;
                                rules.grace = grace;
                                rules.grace_max = grace_max;
                                rules.ends_when_read = (flags & 1) != 0;
                                rules.lingers = (flags & 2) != 0;
                                rules.latest = latest;
                                Audience audience{clients, unread, {}, k_published + seen};
                                audience.last_unread = unread > 0 ? k_published + seen : base::Instant{};
                                const std::optional<base::Instant> confirmed =
                                    confirmation < 0 ? std::nullopt : std::optional(k_published + confirmation * 1s);
                                CAPTURE(grace.count(),
                                        grace_max.count(),
                                        flags,
                                        confirmation,
                                        clients,
                                        unread,
                                        seen.count(),
                                        (latest - k_published).count());
                                const HoldTerm term = api::hold_term(k_published, rules, confirmed, audience);
                                const HoldTerm said = term_by_steps(rules, confirmed, audience);
                                REQUIRE((term.end - said.end).count() == 0);
                                REQUIRE(term.why == said.why);
                                ++cases;
                            }
                        }
                    }
                }
            }
        }
    }
    REQUIRE(cases == 4 * 4 * 4 * 3 * 3 * 4 * 5);
}
