// What a client sends to the results server: bytes over a connection, to a server that listens.
#include "aiperf/api/server.hpp"
#include "api_fixture.hpp"
#include "input.hpp"
#include "raw_http_client.hpp"

#include <stdexcept>

using namespace aiperf;  // NOLINT: a program of its own

namespace {

/// Servers of a run that lasts and of one that is over, for the life of the process.
struct World {
    test::ApiRun lasting_run;
    test::ApiRun ended_run;
    api::Server lasting{lasting_run.state, options()};
    api::Server ended{ended_run.state, options()};

    World() {
        lasting_run.progress();
        ended_run.finish();
        lasting.start();
        ended.start();
    }

    static api::ServerOptions options() {
        api::ServerOptions options;
        options.limits.longest_wait = std::chrono::milliseconds(1);
        options.on_shutdown_request = [] { return true; };
        return options;
    }
};

/// Sends the bytes in pieces. `to_the_end`: then says that this was all, and reads what the server has to say.
void converse(std::uint16_t port, std::string_view bytes, const test::Cuts& cuts, bool to_the_end) {
    test::RawHttpClient client(port);
    test::in_pieces(bytes, cuts, 0, [&client](const char* data, std::size_t size) {
        client.send({data, size});
        return !client.was_reset();
    });
    if (to_the_end) {
        client.finish_sending();
        while (!client.read_some().empty()) {
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static World world;
    fuzz::Input input(data, size);
    const std::uint8_t way = input.byte();
    const test::Cuts cuts = fuzz::take_cuts(input);
    const api::Server& server = (way & 1U) != 0 ? world.lasting : world.ended;
    try {
        converse(server.port(), input.rest(), cuts, (way & 2U) == 0);
        const test::RawAnswer health = test::RawHttpClient(server.port()).get("/healthz");
        fuzz::require(health.complete && health.status == 200, "the server answers after any client");
    } catch (const std::runtime_error& error) {
        fuzz::require(false, error.what());  // among them a client's hang limit
    }
    return 0;
}
