#include "aiperf/api/hold.hpp"

#include <algorithm>

namespace aiperf::api {

const char* to_string(HoldEnd end) noexcept {
    switch (end) {
        case HoldEnd::no_server: return "no server";
        case HoldEnd::no_grace: return "no grace";
        case HoldEnd::time: return "time";
        case HoldEnd::asked: return "asked";
        case HoldEnd::server_died: return "server died";
    }
    return "?";
}

HoldEnd hold(base::Instant published,
             base::Nanoseconds grace,
             const HoldSurroundings& surroundings,
             base::Instant latest) {
    if (!surroundings.is_listening()) {
        return HoldEnd::no_server;
    }
    const base::Instant end = std::min(hold_until(published, grace), latest);
    if (surroundings.now() >= end) {
        return HoldEnd::no_grace;
    }
    if (surroundings.announce) {
        surroundings.announce(end);
    }
    while (surroundings.now() < end) {
        const Wake wake = surroundings.wait(end);
        if (wake == Wake::asked) {
            return HoldEnd::asked;
        }
        if (wake == Wake::server_died || !surroundings.is_listening()) {
            return HoldEnd::server_died;
        }
    }
    return HoldEnd::time;
}

}  // namespace aiperf::api
