#include "aiperf/process/service_state.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace aiperf;
using namespace aiperf::process;

namespace {

constexpr ServiceView k_alive{Registration::registered, ServiceState::running, true};

ServiceView with(ServiceState state) {
    ServiceView view = k_alive;
    view.state = state;
    return view;
}

ServiceView with(Registration registration) {
    ServiceView view = k_alive;
    view.registration = registration;
    return view;
}

ServiceView with(std::optional<bool> process_alive, ServiceState state = ServiceState::running) {
    ServiceView view = with(state);
    view.process_alive = process_alive;
    return view;
}

}  // namespace

TEST_CASE("alive is what has registered, neither stopped nor failed, and whose process is there") {
    CHECK(k_alive.alive());
    for (const Registration registration :
         {Registration::unregistered, Registration::waiting, Registration::timeout, Registration::error}) {
        CHECK_FALSE(with(registration).alive());
    }
    CHECK_FALSE(with(ServiceState::failed).alive());
    CHECK_FALSE(with(ServiceState::stopped).alive());
    CHECK_FALSE(with(false).alive());
}

TEST_CASE("without process handles the state decides") {
    CHECK(with(std::nullopt).alive());
    CHECK_FALSE(with(std::nullopt, ServiceState::stopped).alive());
    CHECK_FALSE(with(std::nullopt, ServiceState::failed).alive());
}

TEST_CASE("a claim moves a service forward or to failed, and never back") {
    CHECK(may_follow(ServiceState::created, ServiceState::running));
    CHECK(may_follow(ServiceState::running, ServiceState::stopping));
    CHECK(may_follow(ServiceState::initializing, ServiceState::failed));
    CHECK_FALSE(may_follow(ServiceState::stopping, ServiceState::running));
    CHECK_FALSE(may_follow(ServiceState::running, ServiceState::running));
    CHECK_FALSE(may_follow(ServiceState::stopped, ServiceState::failed));
    CHECK_FALSE(may_follow(ServiceState::failed, ServiceState::stopped));
}

TEST_CASE("each state has one name, and is found by it") {
    for (int i = 0; i <= static_cast<int>(ServiceState::failed); ++i) {
        const auto state = static_cast<ServiceState>(i);
        CHECK(parse_service_state(to_string(state)) == state);
    }
    CHECK_FALSE(parse_service_state("asleep"));
    CHECK(std::string{to_string(Registration::timeout)} == "timeout");
}
