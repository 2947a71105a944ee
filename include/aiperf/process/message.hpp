#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/process/service_state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aiperf::process {

/// The messages supervision itself speaks, as one JSON object a frame with the key "type". Any other type belongs to
/// whoever uses the channel. Instants are nanoseconds of CLOCK_MONOTONIC, which all processes of a machine share.
///
/// | type | direction | keys |
/// |---|---|---|
/// | registered | child to parent | `error` where it cannot serve |
/// | state | child to parent | `state` |
/// | leave_by | child to parent | `deadline_ns`: it will have left by then, and has a reason not to sooner |
/// | stop | parent to child | `deadline_ns`: the signals come then |
struct Message {
    /// What a message is about.
    enum class Kind : std::uint8_t { registered, state, leave_by, stop, other };

    Kind kind = Kind::other;                     ///< what it is about
    std::string type;                            ///< as sent
    std::string error;                           ///< of registered; empty = none
    ServiceState state = ServiceState::created;  ///< of state
    base::Instant deadline{};                    ///< of leave_by and stop
};

/// "I serve", or with an error "I cannot".
[[nodiscard]] std::string registered_message(std::string_view error = {});
/// "I am in this state now".
[[nodiscard]] std::string state_message(ServiceState state);
/// "I will be gone by then".
[[nodiscard]] std::string leave_by_message(base::Instant deadline);
/// "Leave by then".
[[nodiscard]] std::string stop_message(base::Instant deadline);

/// Absent: not a JSON object with a text "type", or one of supervision's own with a key missing or of the wrong kind.
[[nodiscard]] std::optional<Message> parse_message(std::string_view payload);

}  // namespace aiperf::process
