#include "server_fixture.hpp"
#include "web_socket_fixture.hpp"

#include <future>

using namespace aiperf;
using namespace aiperf::test;
using namespace std::chrono_literals;

namespace {

constexpr auto k_hang_limit = 20s;

/// A client that does everything wrong, and what it is told.
struct Fault {
    const char* name;
    std::string bytes;
    std::uint16_t close_code;
};

std::string shaped(std::uint8_t opcode, std::string_view payload, const FrameShape& shape) {
    return client_frame(opcode, payload, shape);
}

std::string continuation_flood() {
    FrameShape open;
    open.is_final = false;
    std::string out = client_frame(k_text, "x", open);
    for (int i = 0; i < 5000; ++i) {
        out += client_frame(k_continuation, "", open);
    }
    return out;
}

std::vector<Fault> faults() {
    FrameShape unmasked;
    unmasked.masked = false;
    FrameShape giant;
    giant.claimed_more = 1ULL << 40U;
    FrameShape reserved;
    reserved.reserved = 0x40;
    return {{"not masked", shaped(k_text, "x", unmasked), 1002},
            {"compressed", shaped(k_text, "x", reserved), 1002},
            {"a continuation of nothing", client_frame(k_continuation, "x"), 1002},
            {"HTTP again", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 1002},
            {"a close that may not be sent", client_frame(k_close, close_payload(1006)), 1002},
            {"bytes", client_frame(k_binary, "\x01\x02"), 1003},
            {"no UTF-8", client_frame(k_text, "\xc0\xaf"), 1007},
            {"a giant frame", shaped(k_text, "x", giant), 1009},
            {"a long message", client_frame(k_text, std::string(100'000, 'x')), 1009},
            {"a flood of continuations", continuation_flood(), 1009}};
}

void finish_within_hang_limit(RunningServer& s) {
    const base::Instant start = base::now();
    s.server.close();
    REQUIRE(base::now() - start < k_hang_limit);
}

/// Views of a size that fills the queue of somebody who does not read.
void flood_with_metrics(RunningServer& s, int rounds) {
    WebSocketProbe reader(s.server.port());
    reader.subscribe(R"(["realtime_metrics"])");
    for (int round = 0; round < rounds; ++round) {
        api::Progress progress;
        progress.system_state = api::SystemState::profiling;
        // A phase more is a turn, so it is told at once.
        progress.phases.resize(static_cast<std::size_t>(round) + 1);
        progress.metrics = {
            {"round_" + std::to_string(round), std::string(600'000, 'h'), "ms", {{"avg", static_cast<double>(round)}}}};
        s.run.state.set_progress(progress);
        REQUIRE(reader.wait_for("realtime_metrics")["metrics"][0]["tag"] == progress.metrics[0].tag);
    }
}

}  // namespace

TEST_CASE("each bad client of a WebSocket is told why and closed, and the others are served") {
    RunningServer s;
    WebSocketProbe good(s.server.port());
    good.subscribe();
    for (const Fault& fault : faults()) {
        CAPTURE(fault.name);
        WebSocketProbe bad(s.server.port());
        bad.raw().send(fault.bytes);
        const ServerFrame answer = bad.next();
        REQUIRE(answer.opcode == k_close);
        REQUIRE(answer.close_code() == fault.close_code);
        bad.raw().send(client_frame(k_close, close_payload(fault.close_code)));
        REQUIRE(bad.next().is_end());
        REQUIRE(s.get("/healthz").status == 200);
    }
    s.run.progress();
    REQUIRE(good.wait_for("credit_phase_start")["stats"]["phase"] == "profiling");
    finish_within_hang_limit(s);
}

TEST_CASE("a client that is told why and does not go is cut off") {
    const RunningServer s;
    WebSocketProbe stubborn(s.server.port());
    stubborn.raw().send(client_frame(k_continuation, "x"));
    REQUIRE(stubborn.next().close_code() == 1002);
    REQUIRE(stubborn.next().is_end());
}

TEST_CASE("a handshake that is wrong, or cut, is refused or waited for, and harms nobody") {
    RunningServer s;
    RawHttpClient old(s.server.port());
    old.send(web_socket_request("/ws", "dGhlIHNhbXBsZSBub25jZQ==", "8"));
    const RawAnswer refused = old.read_answer();
    REQUIRE(refused.status == 426);
    REQUIRE(refused.header("sec-websocket-version") == "13");
    REQUIRE(s.get("/ws").status == 426);
    RawHttpClient keyless(s.server.port());
    keyless.send(web_socket_request("/ws", "x"));
    REQUIRE(keyless.read_answer().status == 400);
    RawHttpClient poster(s.server.port());
    REQUIRE(poster.post("/api/events", "{}").status == 405);
    const std::string request = web_socket_request();
    RawHttpClient half(s.server.port());
    half.send(request.substr(0, request.size() - 3));
    RawHttpClient pieces(s.server.port());
    for (const char byte : request) {
        pieces.send({&byte, 1});
    }
    REQUIRE(pieces.read_answer().status == 101);
    RawHttpClient gone(s.server.port());
    gone.send(request);
    gone.close();
    RawHttpClient hasty(s.server.port());  // speaks before it may
    hasty.send(request + client_frame(k_text, R"({"type":"ping"})"));
    REQUIRE(hasty.read_answer().status == 101);
    REQUIRE(s.get("/healthz").status == 200);
    finish_within_hang_limit(s);
}

TEST_CASE("clients that vanish in the middle of anything leave the server as it was") {
    RunningServer s;
    for (int i = 0; i < 20; ++i) {
        WebSocketProbe client(s.server.port());
        client.say(R"({"type":"subscribe","message_types":["*"]})");
        client.raw().send(client_frame(k_text, "half a message").substr(0, 9));
        client.raw().close();
        RawHttpClient events(s.server.port());
        events.request("GET", "/api/events");
        if (i % 2 == 0) {
            REQUIRE_FALSE(events.read_some().empty());
        }
        events.close();
    }
    s.run.progress();
    s.run.finish();
    REQUIRE(s.get("/api/results").status == 200);
    finish_within_hang_limit(s);
}

TEST_CASE("who never reads delays nobody, is closed when its queue is full, and does not hold the close up") {
    api::ServerOptions options;
    options.shutdown_timeout = 60s;
    RunningServer s(std::move(options));
    WebSocketProbe stuck(s.server.port());
    stuck.subscribe();
    RawHttpClient stuck_events(s.server.port());
    stuck_events.request("GET", "/api/events");
    RawHttpClient stuck_later(s.server.port());
    REQUIRE(stuck_events.read_some().find("200 OK") != std::string::npos);
    flood_with_metrics(s, 20);
    REQUIRE(s.get("/healthz").status == 200);
    WebSocketProbe good(s.server.port());
    good.subscribe();
    stuck_later.send(web_socket_request());
    s.run.finish();
    REQUIRE(good.wait_for("benchmark_complete")["status"] == "complete");
    finish_within_hang_limit(s);
    std::size_t frames = 0;
    ServerFrame last = stuck.next();
    while (last.opcode == k_text && last.payload.find("benchmark_complete") == std::string::npos) {
        ++frames;
        last = stuck.next();
    }
    REQUIRE(frames < 20 * 2);
    REQUIRE((last.is_end() || last.close_code() == 1008));
}

TEST_CASE("a client that only sends is not read into memory") {
    api::ServerOptions options;
    options.limits.stream_queue_bytes = 10'000;
    const RunningServer s(std::move(options));
    WebSocketProbe pings(s.server.port());
    std::string flood;
    for (int i = 0; i < 1000; ++i) {
        flood += client_frame(k_ping, std::string(125, 'p'));
    }
    for (int i = 0; i < 200 && !pings.raw().was_reset(); ++i) {
        pings.raw().send(flood);  // 26 MB, whose answers nobody reads
    }
    RawHttpClient talkative(s.server.port());
    talkative.request("GET", "/api/events");
    for (int i = 0; i < 200 && !talkative.was_reset(); ++i) {
        talkative.send(flood);
    }
    REQUIRE(talkative.was_reset());
    REQUIRE(s.get("/healthz").status == 200);
}
