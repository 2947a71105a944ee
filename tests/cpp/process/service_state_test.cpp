#include "aiperf/process/service_state.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace aiperf;
using namespace aiperf::process;
using namespace std::chrono_literals;

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

TEST_CASE("without a results server the wait is the delivery floor") {
    CHECK(delivery_wait(std::nullopt, 300s) == 500ms);
}

TEST_CASE("a live results server stretches the wait to the grace") {
    CHECK(delivery_wait(k_alive, 5s) == 5s);
    CHECK(delivery_wait(k_alive, 300s) == 300s);
}

TEST_CASE("a grace below the floor leaves the floor") {
    CHECK(delivery_wait(k_alive, 200ms) == 500ms);
    CHECK(delivery_wait(k_alive, 0s) == 500ms);
}

TEST_CASE("a results server that never registered keeps the floor") {
    CHECK(delivery_wait(with(Registration::waiting), 5s) == 500ms);
    CHECK(delivery_wait(with(Registration::unregistered), 5s) == 500ms);
    CHECK(delivery_wait(with(Registration::timeout), 5s) == 500ms);
    CHECK(delivery_wait(with(Registration::error), 5s) == 500ms);
}

TEST_CASE("a results server that failed keeps the floor") {
    CHECK(delivery_wait(with(ServiceState::failed), 5s) == 500ms);
}

TEST_CASE("a results server that has stopped keeps the floor") {
    CHECK(delivery_wait(with(ServiceState::stopped), 5s) == 500ms);
}

TEST_CASE("a results server last heard running, whose process is dead, keeps the floor") {
    CHECK(delivery_wait(with(false), 5s) == 500ms);
}

TEST_CASE("without process handles the state decides") {
    CHECK(delivery_wait(with(std::nullopt), 5s) == 5s);
    CHECK(delivery_wait(with(std::nullopt, ServiceState::stopped), 5s) == 500ms);
    CHECK(delivery_wait(with(std::nullopt, ServiceState::failed), 5s) == 500ms);
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
