#include "aiperf/process/message.hpp"

#include <catch2/catch.hpp>

using namespace aiperf;
using namespace aiperf::process;
using Kind = Message::Kind;

TEST_CASE("supervision's messages are read as they were written") {
    const base::Instant deadline{base::Nanoseconds{123456789012345}};
    CHECK(parse_message(registered_message())->kind == Kind::registered);
    CHECK(parse_message(registered_message())->error.empty());
    CHECK(parse_message(registered_message("port taken"))->error == "port taken");
    CHECK(parse_message(state_message(ServiceState::stopping))->state == ServiceState::stopping);
    CHECK(parse_message(leave_by_message(deadline))->kind == Kind::leave_by);
    CHECK(parse_message(leave_by_message(deadline))->deadline == deadline);
    CHECK(parse_message(stop_message(deadline))->kind == Kind::stop);
    CHECK(parse_message(stop_message(deadline))->deadline == deadline);
}

TEST_CASE("a message of another type belongs to somebody else") {
    const auto message = parse_message(R"({"type":"publish","status":"complete"})");
    REQUIRE(message);
    CHECK(message->kind == Kind::other);
    CHECK(message->type == "publish");
}

TEST_CASE("an error text that is not UTF-8 does not keep a service from registering its error") {
    const auto message = parse_message(registered_message("bad \xff byte"));
    REQUIRE(message);
    CHECK_FALSE(message->error.empty());
}

TEST_CASE("what is no message, or lacks its key, is refused") {
    for (const char* text : {"",
                             "{",
                             "[]",
                             "7",
                             "{}",
                             R"({"type":7})",
                             R"({"type":"state"})",
                             R"({"type":"state","state":"asleep"})",
                             R"({"type":"state","state":3})",
                             R"({"type":"stop"})",
                             R"({"type":"stop","deadline_ns":"soon"})",
                             R"({"type":"leave_by","deadline_ns":1.5})",
                             R"({"type":"registered","error":7})"}) {
        INFO(text);
        CHECK_FALSE(parse_message(text));
    }
}
