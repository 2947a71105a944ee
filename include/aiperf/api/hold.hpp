#pragma once

#include "aiperf/base/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace aiperf::api {

/// What ended, or prevented, the hold.
enum class HoldEnd : std::uint8_t {
    no_server,    ///< the listener never started, or had finished: nothing was held
    no_grace,     ///< the grace is 0, or was over already
    time,         ///< the grace has passed
    read,         ///< every client that had asked knows how the run ended
    asked,        ///< a signal, or POST /api/shutdown
    server_died,  ///< nobody is there any more to answer
};

/// The word artifacts and answers use.
[[nodiscard]] const char* to_string(HoldEnd end) noexcept;

/// What a wait came back with.
enum class Wake : std::uint8_t { deadline, asked, server_died };

/// The clients that want to know how a run ends.
struct Audience {
    std::size_t clients = 0;      ///< that have asked, whether they know by now or not
    std::size_t unread = 0;       ///< of these: have not been told the end
    base::Instant last_unread{};  ///< when one of those asked last
    base::Instant last_active{};  ///< when one that did not know yet asked, or anybody fetched results, last

    friend bool operator==(const Audience&, const Audience&) = default;
};

/// How long a published end stays reachable.
struct HoldRules {
    base::Nanoseconds grace{};      ///< from the moment the end is visible; 0 = none
    base::Nanoseconds grace_max{};  ///< as long as one asked lately who does not know yet; 0 = no longer than the grace
    bool ends_when_read = false;    ///< sooner, once everybody who had asked knows, and nobody asks for anything more
    bool lingers = false;           ///< until somebody asks for the end: no time ends it
    base::Instant latest = base::Instant::max();  ///< where the whole ending has a budget
};

/// The least time for a server that has not confirmed that the end is visible.
inline constexpr base::Nanoseconds k_delivery_floor = std::chrono::milliseconds(500);

/// With HoldRules::ends_when_read: how long nobody has fetched anything. Who has read the status may go on with files.
inline constexpr base::Nanoseconds k_quiet = std::chrono::milliseconds(500);

/// With HoldRules::grace_max: how long after its last question a client counts as one that will come again.
inline constexpr base::Nanoseconds k_seen_lately = std::chrono::seconds(60);

/// When a hold ends, as things are at one moment, and what that will have been.
struct HoldTerm {
    base::Instant end;            ///< may lie behind
    HoldEnd why = HoldEnd::time;  ///< time or read

    friend bool operator==(const HoldTerm&, const HoldTerm&) = default;
};

/// `published`: the server was told how the run has ended. `confirmed`: it said that this is visible; absent: it has
/// said nothing yet, and is given max(grace, k_delivery_floor) from `published`.
[[nodiscard]] HoldTerm hold_term(base::Instant published,
                                 const HoldRules& rules,
                                 std::optional<base::Instant> confirmed,
                                 const Audience& audience) noexcept;

/// The hold's view of the world: in a run the controller's, in a test a virtual clock.
struct HoldSurroundings {
    std::function<base::Instant()> now;           ///< the monotonic clock
    std::function<bool()> is_listening;           ///< the server is there and its listener open
    std::function<Wake(base::Instant)> wait;      ///< until the deadline or the first event; may come back early
    std::function<void(base::Instant)> announce;  ///< the end is fixed, or has moved; empty: nobody is told
    std::function<std::optional<base::Instant>()> confirmed{};  ///< see hold_term(); empty: at once
    std::function<Audience()> audience{};                       ///< empty: nobody has asked
};

/// Keeps a published result reachable: returns when the listener may be told to stop. Nothing is held where no live
/// server listens.
HoldEnd hold(base::Instant published, const HoldRules& rules, const HoldSurroundings& surroundings);

}  // namespace aiperf::api
