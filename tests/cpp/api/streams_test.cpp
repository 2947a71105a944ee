#include "server_fixture.hpp"
#include "web_socket_fixture.hpp"

#include <thread>

using namespace aiperf;
using namespace std::chrono_literals;
using api::ServerOptions;
using nlohmann::json;
using test::RawAnswer;
using test::RawHttpClient;
using test::RunningServer;
using test::ServerFrame;
using test::WebSocketProbe;

namespace {

ServerOptions with(std::size_t streams) {
    ServerOptions options;
    options.limits.streams = streams;
    return options;
}

/// A client of /api/events.
class EventProbe {
public:
    explicit EventProbe(std::uint16_t port, const std::string& query = "", const std::string& headers = "")
        : http_(port) {
        http_.request("GET", "/api/events" + query, {}, headers);
    }

    /// Everything up to the end of the stream.
    std::string rest() {
        for (std::string more = http_.read_some(); !more.empty(); more = http_.read_some()) {
            got_ += more;
        }
        return got_;
    }

    /// Reads until the text has come; false: the stream ended before.
    bool wait_for(const std::string& text) {
        while (got_.find(text) == std::string::npos) {
            const std::string more = http_.read_some();
            if (more.empty()) {
                return false;
            }
            got_ += more;
        }
        return true;
    }

    [[nodiscard]] const std::string& got() const { return got_; }

    [[nodiscard]] RawHttpClient& raw() { return http_; }

private:
    RawHttpClient http_;
    std::string got_;
};

std::vector<std::string> event_types(const std::string& stream) {
    std::vector<std::string> types;
    const std::string mark = "event: ";
    for (std::size_t at = stream.find(mark); at != std::string::npos; at = stream.find(mark, at + 1)) {
        types.push_back(stream.substr(at + mark.size(), stream.find('\n', at) - at - mark.size()));
    }
    return types;
}

std::vector<std::uint64_t> event_ids(const std::string& stream) {
    std::vector<std::uint64_t> ids;
    for (std::size_t at = stream.find("id: "); at != std::string::npos; at = stream.find("id: ", at + 1)) {
        if (stream[at - 1] == '\n' && stream.compare(stream.find('\n', at) + 1, 5, "event") == 0) {
            ids.push_back(std::stoull(stream.substr(at + 4)));
        }
    }
    return ids;
}

}  // namespace

TEST_CASE("a WebSocket is opened with the proof and the run's id, and talks") {
    const RunningServer s;
    WebSocketProbe client(s.server.port());
    REQUIRE(client.answer().status == 101);
    REQUIRE(client.answer().header("upgrade") == "websocket");
    REQUIRE(client.answer().header("connection") == "Upgrade");
    REQUIRE(client.answer().header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    REQUIRE(client.answer().header("x-aiperf-run-id") == "0123456789ab");
    REQUIRE_FALSE(client.answer().header("content-length"));
    client.say(R"({"type":"ping"})");
    REQUIRE(client.next().json() == json{{"type", "pong"}});
    client.say("not json");
    REQUIRE(client.next().json()["type"] == "error");
    client.raw().send(test::client_frame(test::k_ping, "echo"));
    const ServerFrame pong = client.next();
    REQUIRE(pong.opcode == test::k_pong);
    REQUIRE(pong.payload == "echo");
}

TEST_CASE("a subscriber is told what it asked for, from now on, and the end last") {
    RunningServer s;
    WebSocketProbe all(s.server.port());
    all.subscribe();
    WebSocketProbe some(s.server.port());
    some.subscribe(R"(["credit_phase_start", "benchmark_complete"])");
    WebSocketProbe silent(s.server.port());
    s.run.progress();
    REQUIRE(all.wait_for("credit_phase_start")["stats"]["requests_sent"] == 12);
    REQUIRE(all.wait_for("realtime_metrics")["metrics"][0]["tag"] == "request_latency");
    s.run.finish();
    REQUIRE(all.wait_for("benchmark_complete")["status"] == "complete");
    REQUIRE(some.next().json()["message_type"] == "credit_phase_start");
    REQUIRE(some.next().json()["message_type"] == "benchmark_complete");
    s.server.close();
    for (WebSocketProbe* const client : {&all, &some, &silent}) {
        const ServerFrame last = client->next();
        REQUIRE(last.opcode == test::k_close);
        REQUIRE(last.close_code() == 1001);
    }
}

TEST_CASE("who subscribes after the end is told the end at once, and once") {
    RunningServer s;
    s.run.finish();
    WebSocketProbe client(s.server.port());
    client.subscribe(R"(["realtime_metrics"])");
    client.subscribe(R"(["benchmark_complete"])");
    REQUIRE(client.next().json()["message_type"] == "benchmark_complete");
    client.subscribe(R"(["*"])");
    client.say(R"({"type":"ping"})");
    REQUIRE(client.next().json()["type"] == "pong");
}

TEST_CASE("a client that closes is answered with its code, and the connection ends orderly") {
    const RunningServer s;
    WebSocketProbe client(s.server.port());
    client.raw().send(test::client_frame(test::k_close, test::close_payload(3000, "enough")));
    const ServerFrame answer = client.next();
    REQUIRE(answer.opcode == test::k_close);
    REQUIRE(answer.close_code() == 3000);
    REQUIRE(client.next().is_end());
    REQUIRE_FALSE(client.raw().was_reset());
}

TEST_CASE("beyond the limit of streams a WebSocket is closed with 1013, events are refused with 503") {
    RunningServer s(with(2));
    WebSocketProbe first(s.server.port());
    first.subscribe();
    EventProbe second(s.server.port());
    REQUIRE(second.wait_for("retry: 1000"));
    WebSocketProbe third(s.server.port());
    REQUIRE(third.answer().status == 101);
    REQUIRE(third.next().close_code() == 1013);
    REQUIRE(s.get("/api/events").status == 503);
    first.raw().send(test::client_frame(test::k_close));
    REQUIRE(first.next().opcode == test::k_close);
    REQUIRE(first.next().is_end());
    bool open = false;
    while (!open) {  // the one beyond has to go as well
        WebSocketProbe next(s.server.port());
        next.say(R"({"type":"ping"})");
        open = next.next().opcode == test::k_text;
    }
    REQUIRE(s.get("/healthz").status == 200);
}

TEST_CASE("events come with rising numbers and their types, and the stream ends with the end of the run") {
    RunningServer s;
    EventProbe client(s.server.port());
    REQUIRE(client.wait_for("retry: 1000\nid: "));
    REQUIRE(client.got().find("Content-Type: text/event-stream\r\n") != std::string::npos);
    REQUIRE(client.got().find("X-AIPerf-Run-Id: 0123456789ab\r\n") != std::string::npos);
    s.run.progress();
    REQUIRE(client.wait_for("event: credit_phase_start\ndata: {"));
    s.run.finish();
    const std::string stream = client.rest();
    REQUIRE(event_types(stream).back() == "benchmark_complete");
    const std::vector<std::uint64_t> ids = event_ids(stream);
    REQUIRE(ids.size() == event_types(stream).size());
    REQUIRE(std::adjacent_find(ids.begin(), ids.end(), [](auto a, auto b) { return b != a + 1; }) == ids.end());
    REQUIRE_FALSE(client.raw().was_reset());
}

TEST_CASE("who comes back gets what it has missed, and who has all is told not to come back") {
    RunningServer s;
    s.run.progress();
    s.run.finish();
    EventProbe whole(s.server.port(), "", "Last-Event-ID: 0\r\n");
    const std::string stream = whole.rest();
    const std::vector<std::uint64_t> ids = event_ids(stream);
    REQUIRE(ids.size() > 5);
    REQUIRE(ids.front() == 1);
    EventProbe back(s.server.port(), "", "Last-Event-ID: 3\r\n");
    REQUIRE(event_ids(back.rest()) == std::vector<std::uint64_t>(ids.begin() + 3, ids.end()));
    RawHttpClient again(s.server.port());
    again.request("GET", "/api/events", {}, "Last-Event-ID: " + std::to_string(ids.back()) + "\r\n");
    REQUIRE(again.read_answer().status == 204);
    EventProbe fresh(s.server.port());
    REQUIRE(event_types(fresh.rest()) == std::vector<std::string>{"benchmark_complete"});
    EventProbe stranger(s.server.port(), "", "Last-Event-ID: 1000000\r\n");
    REQUIRE(event_ids(stranger.rest()) == ids);
}

TEST_CASE("what is no longer there is told as a gap") {
    ServerOptions options;
    options.limits.stream_queue_bytes = 4000;
    RunningServer s(std::move(options));
    s.run.progress();
    s.run.finish();
    EventProbe client(s.server.port(), "", "Last-Event-ID: 1\r\n");
    const std::string stream = client.rest();
    REQUIRE(event_types(stream).front() == "events_lost");
    REQUIRE(stream.find(R"({"message_type":"events_lost","first_lost":2,"last_lost":)") != std::string::npos);
    REQUIRE(event_types(stream).back() == "benchmark_complete");
}

TEST_CASE("a choice of events leaves the others out, but not the end") {
    RunningServer s;
    EventProbe client(s.server.port(), "?types=realtime_metrics,worker_health");
    REQUIRE(client.wait_for("retry: 1000"));
    s.run.progress();
    REQUIRE(client.wait_for("event: realtime_metrics"));
    s.run.finish();
    REQUIRE(event_types(client.rest()) ==
            std::vector<std::string>{"worker_health", "realtime_metrics", "benchmark_complete"});
}

TEST_CASE("silence is broken by signs of life, and who gives none is gone") {
    ServerOptions options;
    options.limits.stream_silence = 20ms;
    const RunningServer s(std::move(options));
    EventProbe events(s.server.port());
    REQUIRE(events.wait_for(": still here\n\n"));
    WebSocketProbe client(s.server.port());
    REQUIRE(client.next().opcode == test::k_ping);
    REQUIRE(client.next().is_end());
    WebSocketProbe alive(s.server.port());
    for (int i = 0; i < 3; ++i) {
        REQUIRE(alive.next().opcode == test::k_ping);
        alive.raw().send(test::client_frame(test::k_pong));
    }
}

TEST_CASE("a close without an end of the run ends the streams all the same") {
    RunningServer s;
    WebSocketProbe socket(s.server.port());
    socket.subscribe();
    EventProbe events(s.server.port());
    REQUIRE(events.wait_for("retry: 1000"));
    s.server.close();
    std::vector<ServerFrame> rest = socket.rest();
    REQUIRE(rest.back().close_code() == 1001);
    REQUIRE(event_types(events.rest()).empty());
    REQUIRE_FALSE(events.raw().was_reset());
}

TEST_CASE("an end that is published and closed at once reaches everybody") {
    for (int round = 0; round < 3; ++round) {
        RunningServer s;
        WebSocketProbe socket(s.server.port());
        socket.subscribe();
        EventProbe events(s.server.port());
        REQUIRE(events.wait_for("retry: 1000"));
        s.run.finish();
        s.server.close();
        const std::vector<ServerFrame> frames = socket.rest();
        REQUIRE(frames.size() >= 2);
        REQUIRE(frames[frames.size() - 2].json()["message_type"] == "benchmark_complete");
        REQUIRE(frames.back().close_code() == 1001);
        REQUIRE(event_types(events.rest()).back() == "benchmark_complete");
    }
}

TEST_CASE("a hundred subscribers are all told the end") {
    RunningServer s;
    std::vector<std::unique_ptr<WebSocketProbe>> clients;
    for (int i = 0; i < 100; ++i) {
        clients.push_back(std::make_unique<WebSocketProbe>(s.server.port()));
        clients.back()->subscribe();
    }
    s.run.progress();
    s.run.finish();
    for (const auto& client : clients) {
        REQUIRE(client->wait_for("benchmark_complete")["run_id"] == "0123456789ab");
    }
}
