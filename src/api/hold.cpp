#include "aiperf/api/hold.hpp"

#include <algorithm>

namespace aiperf::api {

const char* to_string(HoldEnd end) noexcept {
    switch (end) {
        case HoldEnd::no_server: return "no server";
        case HoldEnd::no_grace: return "no grace";
        case HoldEnd::time: return "time";
        case HoldEnd::read: return "read";
        case HoldEnd::asked: return "asked";
        case HoldEnd::server_died: return "server died";
    }
    return "?";
}

HoldTerm hold_term(base::Instant published,
                   const HoldRules& rules,
                   std::optional<base::Instant> confirmed,
                   const Audience& audience) noexcept {
    const base::Instant from = confirmed.value_or(published);
    HoldTerm term{from + (confirmed ? rules.grace : std::max(rules.grace, k_delivery_floor))};
    if (rules.lingers) {
        term.end = base::Instant::max();
    } else if (audience.unread > 0) {
        term.end = std::max(term.end, std::min(from + rules.grace_max, audience.last_unread + k_seen_lately));
    } else if (const base::Instant quiet = std::max(from, audience.last_active) + k_quiet;
               rules.ends_when_read && audience.clients > 0 && quiet < term.end) {
        term = {quiet, HoldEnd::read};
    }
    if (rules.latest < term.end) {
        term = {rules.latest};
    }
    return term;
}

HoldEnd hold(base::Instant published, const HoldRules& rules, const HoldSurroundings& surroundings) {
    if (!surroundings.is_listening()) {
        return HoldEnd::no_server;
    }
    std::optional<base::Instant> announced;
    while (true) {
        const HoldTerm term = hold_term(published,
                                        rules,
                                        surroundings.confirmed ? surroundings.confirmed() : published,
                                        surroundings.audience ? surroundings.audience() : Audience{});
        if (surroundings.now() >= term.end) {
            return announced ? term.why : HoldEnd::no_grace;
        }
        if (announced != term.end && surroundings.announce) {
            surroundings.announce(term.end);
        }
        announced = term.end;
        const Wake wake = surroundings.wait(term.end);
        if (wake == Wake::asked) {
            return HoldEnd::asked;
        }
        if (wake == Wake::server_died || !surroundings.is_listening()) {
            return HoldEnd::server_died;
        }
    }
}

}  // namespace aiperf::api
