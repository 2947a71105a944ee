#include "stream_request.hpp"

#include <catch2/catch.hpp>

using namespace aiperf;
using api::plan_stream;
using api::StreamPlan;
using api::StreamRequest;
using Kind = api::StreamPlan::Kind;

namespace {

constexpr const char* k_run = "0123456789ab";

StreamRequest upgrade() {
    return {"GET", "/ws", "keep-alive, Upgrade", "websocket", "dGhlIHNhbXBsZSBub25jZQ==", "13", ""};
}

StreamRequest events(const std::string& target = "/api/events", const std::string& last_event_id = "") {
    return {"GET", target, "", "", "", "", last_event_id};
}

template <class Change>
StreamPlan changed(Change change) {
    StreamRequest request = upgrade();
    change(request);
    return plan_stream(request, k_run);
}

std::string header(const StreamPlan& plan, const std::string& name) {
    for (const auto& [key, value] : plan.headers) {
        if (key == name) {
            return value;
        }
    }
    return "";
}

}  // namespace

TEST_CASE("other requests are none of a stream's") {
    for (const char* const target : {"/", "/api/results", "/ws/", "/wss", "/api/events/x", "/api/event"}) {
        REQUIRE(plan_stream(events(target), k_run).kind == Kind::none);
    }
}

TEST_CASE("a handshake is proved as the RFC shows it") {
    const StreamPlan plan = plan_stream(upgrade(), k_run);
    REQUIRE(plan.kind == Kind::web_socket);
    REQUIRE(plan.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("who does not speak this WebSocket is told which one to speak") {
    for (const StreamPlan& plan : {changed([](StreamRequest& r) { r.version = "8"; }),
                                   changed([](StreamRequest& r) { r.version = "13, 8"; }),
                                   changed([](StreamRequest& r) { r.upgrade = ""; }),
                                   changed([](StreamRequest& r) { r.upgrade = "h2c"; }),
                                   changed([](StreamRequest& r) { r.connection = "close"; })}) {
        REQUIRE(plan.kind == Kind::refusal);
        REQUIRE(plan.status == 426);
        REQUIRE(header(plan, "Sec-WebSocket-Version") == "13");
        REQUIRE(header(plan, "Upgrade") == "websocket");
    }
}

TEST_CASE("half a handshake is a bad request") {
    for (const StreamPlan& plan : {changed([](StreamRequest& r) { r.version = ""; }),
                                   changed([](StreamRequest& r) { r.key = ""; }),
                                   changed([](StreamRequest& r) { r.key = "short"; }),
                                   changed([](StreamRequest& r) {
                                       r.key = "dGhlIHNhbXBsZSBub25jZQ==";
                                       r.key[3] = '*';
                                   }),
                                   changed([](StreamRequest& r) { r.key = "dGhlIHNhbXBsZSBub25jZQAA"; })}) {
        REQUIRE(plan.kind == Kind::refusal);
        REQUIRE(plan.status == 400);
    }
}

TEST_CASE("a stream is got, and of the right run") {
    for (StreamRequest request : {upgrade(), events()}) {
        request.method = "POST";
        const StreamPlan plan = plan_stream(request, k_run);
        REQUIRE(plan.status == 405);
        REQUIRE(header(plan, "Allow") == "GET");
        request.method = "GET";
        request.target += "?run_id=ffffffffffff";
        REQUIRE(plan_stream(request, k_run).status == 409);
    }
    REQUIRE(plan_stream(events("/api/events?run_id=0123456789ab"), k_run).kind == Kind::events);
}

TEST_CASE("events may be chosen by type, and gone on with from a number") {
    REQUIRE(plan_stream(events(), k_run).types.empty());
    REQUIRE(plan_stream(events("/api/events?types="), k_run).types.empty());
    REQUIRE(plan_stream(events("/api/events?types=a,*"), k_run).types.empty());
    const StreamPlan plan = plan_stream(events("/api/events?x=1&types=realtime_metrics,%20worker%5fhealth,"), k_run);
    REQUIRE(plan.types == std::set<std::string, std::less<>>{"realtime_metrics", "worker_health"});
    REQUIRE_FALSE(plan.last_id);
    REQUIRE(plan_stream(events("/api/events", " 17 "), k_run).last_id == 17U);
    for (const char* const other : {"", "-1", "x", "99999999999999999999999"}) {
        REQUIRE_FALSE(plan_stream(events("/api/events", other), k_run).last_id);
    }
}
