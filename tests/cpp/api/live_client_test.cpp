#include "api_fixture.hpp"
#include "streams.hpp"
#include "web_socket_fixture.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <sys/socket.h>
#include <unistd.h>

using namespace aiperf;
using namespace std::chrono_literals;
using api::StreamPlan;

namespace {

/// Streams over a run, and one client at the other end of a pair of Unix sockets. Nothing happens but by turn().
struct Pair {
    test::ApiRun run;
    asio::io_context io;
    api::Streams streams{io, run.state, {}, 10};
    std::shared_ptr<api::Connection> connection = std::make_shared<api::Connection>();
    int peer = -1;
    int ends_read = 0;

    explicit Pair(StreamPlan::Kind kind) {
        std::array<int, 2> ends{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) == 0);
        peer = ends[1];
        connection->fd = ends[0];
        StreamPlan plan;
        plan.kind = kind;
        plan.accept = "proof";
        streams.open(plan, {{api::Descriptor(ends[0]), connection}, {{"X-Common", "yes"}}, [this] { ++ends_read; }});
    }

    ~Pair() { ::close(peer); }

    void turn() {
        io.restart();
        io.poll();
    }

    void send(const std::string& bytes) {
        REQUIRE(::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
        turn();
    }

    [[nodiscard]] bool is_open() const { return connection->fd >= 0; }

    std::string read() const {
        std::string bytes(1U << 20U, '\0');
        const ssize_t count = ::recv(peer, bytes.data(), bytes.size(), MSG_DONTWAIT);
        bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        return bytes;
    }
};

/// Fills the pair's buffers, so that nothing more is taken.
void fill(Pair& pair, std::size_t bytes) {
    api::Progress progress;
    progress.metrics = {{"big", std::string(bytes, 'b'), "ms", {}}};
    pair.run.state.set_progress(progress);
    pair.streams.look(base::now());
}

}  // namespace

TEST_CASE("a client counts as told of the end when the last byte of it has been taken, and not before") {
    Pair pair(StreamPlan::Kind::web_socket);
    REQUIRE(pair.read().find("\r\nX-Common: yes\r\n") != std::string::npos);
    pair.send(test::client_frame(test::k_text, R"({"type":"subscribe","message_types":["*"]})"));
    fill(pair, 700'000);  // more than the system keeps of a Unix socket, less than the queue
    pair.run.finish();
    pair.streams.look(base::now());
    REQUIRE(pair.ends_read == 0);
    for (int reads = 0; reads < 1000 && pair.ends_read == 0; ++reads) {
        REQUIRE(pair.is_open());
        static_cast<void>(pair.read());
        pair.turn();
    }
    REQUIRE(pair.ends_read == 1);
}

TEST_CASE("who has not subscribed to the end was not told it") {
    Pair pair(StreamPlan::Kind::web_socket);
    pair.send(test::client_frame(test::k_text, R"({"type":"subscribe","message_types":["realtime_metrics"]})"));
    pair.run.finish();
    pair.streams.look(base::now());
    REQUIRE(pair.ends_read == 0);
}

TEST_CASE("a stream of events tells the end and closes, over a socket of any family") {
    Pair pair(StreamPlan::Kind::events);
    pair.run.finish();
    pair.streams.look(base::now());
    REQUIRE(pair.ends_read == 1);
    REQUIRE_FALSE(pair.is_open());
    REQUIRE(pair.read().find("event: benchmark_complete\n") != std::string::npos);
}

TEST_CASE("mere numbers are told twice a second, whatever the run shows") {
    Pair pair(StreamPlan::Kind::events);
    const base::Instant start = base::now() + 10s;
    const auto told_with = [&](std::uint64_t sent, base::Instant at) {
        api::Progress progress;
        progress.phases.resize(1);
        progress.phases[0].sent = sent;
        pair.run.state.set_progress(progress);
        static_cast<void>(pair.read());
        pair.streams.look(at);
        return pair.read().find("event: credit_phase_progress\n") != std::string::npos;
    };
    REQUIRE(told_with(1, start));
    REQUIRE_FALSE(told_with(2, start + 499ms));
    REQUIRE(told_with(3, start + 500ms));
    pair.run.state.set_system_state(api::SystemState::profiling);
    REQUIRE(told_with(4, start + 501ms));
}

TEST_CASE("a client whose queue is full loses it and is told why, or closed") {
    for (const auto kind : {StreamPlan::Kind::web_socket, StreamPlan::Kind::events}) {
        Pair pair(kind);
        if (kind == StreamPlan::Kind::web_socket) {
            pair.send(test::client_frame(test::k_text, R"({"type":"subscribe","message_types":["*"]})"));
        }
        fill(pair, 900'000);
        REQUIRE(pair.is_open());
        api::Progress more;
        more.system_state = api::SystemState::profiling;  // a turn
        more.metrics = {{"more", std::string(900'000, 'm'), "ms", {}}};
        pair.run.state.set_progress(more);
        pair.streams.look(base::now());
        REQUIRE(pair.is_open() == (kind == StreamPlan::Kind::web_socket));
        pair.streams.beat(base::now() + 2s);
        REQUIRE_FALSE(pair.is_open());
        pair.run.finish();
        pair.streams.look(base::now());
        REQUIRE(pair.ends_read == 0);
    }
}

TEST_CASE("at the farewell a client that does not go is cut at the deadline") {
    Pair pair(StreamPlan::Kind::web_socket);
    const base::Instant deadline = base::now() + 100ms;
    pair.streams.close(deadline);
    REQUIRE(pair.read().ends_with(std::string("\x88\x1b\x03\xe9the results server closes")));
    pair.streams.beat(deadline - 1ms);
    REQUIRE(pair.is_open());
    pair.streams.beat(deadline);
    REQUIRE_FALSE(pair.is_open());
}
