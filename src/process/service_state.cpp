#include "aiperf/process/service_state.hpp"

#include <algorithm>
#include <array>

namespace aiperf::process {
namespace {

constexpr std::array k_states{
    "created", "initializing", "initialized", "starting", "running", "stopping", "stopped", "failed"};
constexpr std::array k_registrations{"unregistered", "waiting", "registered", "timeout", "error"};

}  // namespace

const char* to_string(ServiceState state) noexcept {
    return k_states.at(static_cast<std::size_t>(state));
}

const char* to_string(Registration registration) noexcept {
    return k_registrations.at(static_cast<std::size_t>(registration));
}

std::optional<ServiceState> parse_service_state(std::string_view text) noexcept {
    const auto* const found = std::find(k_states.begin(), k_states.end(), text);
    if (found == k_states.end()) {
        return std::nullopt;
    }
    return static_cast<ServiceState>(found - k_states.begin());
}

bool may_follow(ServiceState from, ServiceState to) noexcept {
    return from != ServiceState::stopped && from != ServiceState::failed && to > from;
}

bool ServiceView::alive() const noexcept {
    return registration == Registration::registered && state != ServiceState::stopped &&
           state != ServiceState::failed && process_alive.value_or(true);
}

}  // namespace aiperf::process
