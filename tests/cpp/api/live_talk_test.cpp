#include "live_talk.hpp"

#include "live_event.hpp"
#include "registry.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace aiperf;
using api::LiveTalk;
using nlohmann::json;

namespace {

json reply(LiveTalk& talk, const std::string& text) {
    const auto answer = talk.reply_to(text);
    return answer ? json::parse(*answer) : json();
}

api::LiveEventPtr event(std::uint64_t id, std::size_t bytes = 0) {
    return api::make_live_event(id, {"worker_health", "\"" + std::string(bytes, 'x') + "\""});
}

std::vector<std::uint64_t> ids(const std::vector<api::LiveEventPtr>& events) {
    std::vector<std::uint64_t> out;
    for (const auto& each : events) {
        out.push_back(each->id);
    }
    return out;
}

}  // namespace

TEST_CASE("the talk with a client is the one that AIPerf was recorded to have") {
    LiveTalk talk;
    const json recorded = json::parse(test::read_test_file("golden/api/web_socket.json"));
    for (const json& turn : recorded["talk"]) {
        json theirs = turn["recv"];
        json ours = reply(talk, turn["send"]);
        CAPTURE(turn.dump(), ours.dump());
        if (turn["send"] == "not json") {  // each parser has words of its own
            theirs.erase("message");
            REQUIRE(ours["message"].get<std::string>().starts_with("Invalid JSON: "));
            ours.erase("message");
        }
        REQUIRE(ours == theirs);
    }
    REQUIRE(reply(talk, R"({"type": 5})").is_null());
    REQUIRE(reply(talk, R"({})").is_null());
}

TEST_CASE("what a client says wrongly is told, and changes nothing") {
    LiveTalk talk;
    for (const char* const text : {"not json", "", "{", "[1]", "\"ping\"", "null", "5", R"({"type": 1e999})"}) {
        CAPTURE(text);
        REQUIRE(reply(talk, text)["type"] == "error");
    }
    REQUIRE(reply(talk, "[1]")["message"] == "Payload must be a JSON object");
    REQUIRE(reply(talk, "not json")["message"].get<std::string>().starts_with("Invalid JSON: "));
    for (const char* const types : {"\"x\"", "{}", "null", "[1]", "[\"a\", null]"}) {
        CAPTURE(types);
        REQUIRE(reply(talk, std::string(R"({"type": "subscribe", "message_types": )") + types + "}") ==
                json{{"type", "error"}, {"message", "message_types must be a list of strings"}});
    }
    REQUIRE_FALSE(talk.wants("realtime_metrics"));
}

TEST_CASE("nothing is wanted before a subscription, and what was unsubscribed not after it") {
    LiveTalk talk;
    REQUIRE_FALSE(talk.wants("benchmark_complete"));
    reply(talk, R"({"type": "subscribe", "message_types": ["benchmark_complete", "credits_complete"]})");
    REQUIRE(talk.wants("benchmark_complete"));
    REQUIRE_FALSE(talk.wants("realtime_metrics"));
    reply(talk, R"({"type": "unsubscribe", "message_types": ["benchmark_complete"]})");
    REQUIRE_FALSE(talk.wants("benchmark_complete"));
    reply(talk, R"({"type": "subscribe", "message_types": ["*"]})");
    REQUIRE(talk.wants("realtime_metrics"));
    reply(talk, R"({"type": "unsubscribe", "message_types": ["*"]})");
    REQUIRE_FALSE(talk.wants("realtime_metrics"));
    REQUIRE(talk.wants("credits_complete"));
}

TEST_CASE("an event of a stream has its number, its type and one line of data") {
    REQUIRE(*api::make_live_event(7, {"credits_complete", "{}"})->text ==
            "id: 7\nevent: credits_complete\ndata: {}\n\n");
    REQUIRE(api::event_text({}, "events_lost", "{}") == "event: events_lost\ndata: {}\n\n");
}

TEST_CASE("the ring keeps the newest events up to its size, and says what it has forgotten") {
    api::EventRing ring(1000);
    REQUIRE(ring.newest() == 0);
    REQUIRE(ring.forgotten() == 0);
    REQUIRE(ring.behind(0).empty());
    for (std::uint64_t id = 1; id <= 3; ++id) {
        ring.add(event(id));
    }
    REQUIRE(ids(ring.behind(0)) == std::vector<std::uint64_t>{1, 2, 3});
    REQUIRE(ids(ring.behind(2)) == std::vector<std::uint64_t>{3});
    REQUIRE(ring.behind(3).empty());
    ring.add(event(4, 950));
    REQUIRE(ring.forgotten() == 3);
    ring.add(event(5, 5000));
    REQUIRE(ids(ring.behind(0)) == std::vector<std::uint64_t>{5});
    REQUIRE(ring.newest() == 5);
}
