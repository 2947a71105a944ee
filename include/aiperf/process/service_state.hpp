#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace aiperf::process {

/// A service's life, as it tells it itself: a claim, for a process that died cannot take it back.
enum class ServiceState : std::uint8_t {
    created,
    initializing,
    initialized,
    starting,
    running,
    stopping,
    stopped,
    failed,  ///< from any state but stopped
};

/// Whether a service has presented itself: an axis of its own.
enum class Registration : std::uint8_t {
    unregistered,  ///< not started
    waiting,       ///< started, nothing heard
    registered,
    timeout,  ///< nothing heard in time; a later registration does not change it
    error,    ///< it said that it cannot serve, or ended before it registered
};

/// The word of messages and logs.
[[nodiscard]] const char* to_string(ServiceState state) noexcept;
/// The word of messages and logs.
[[nodiscard]] const char* to_string(Registration registration) noexcept;
/// The state a word names; absent for any other text.
[[nodiscard]] std::optional<ServiceState> parse_service_state(std::string_view text) noexcept;

/// Whether a claim moves a service forward: to a later state, or to failed. stopped and failed are final.
[[nodiscard]] bool may_follow(ServiceState from, ServiceState to) noexcept;

/// What is known of one service at one moment.
struct ServiceView {
    Registration registration = Registration::unregistered;  ///< whether it has presented itself
    ServiceState state = ServiceState::created;              ///< it claims to be in
    std::optional<bool> process_alive;  ///< by its pidfd; absent where the backend has no process handles

    /// Registered, neither stopped nor failed, and its process (where there is one) has not ended.
    [[nodiscard]] bool alive() const noexcept;

    /// Same in every member.
    bool operator==(const ServiceView&) const = default;
};

}  // namespace aiperf::process
