#pragma once

#include "aiperf/api/server.hpp"
#include "api_fixture.hpp"
#include "raw_http_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace aiperf::test {

/// A server over a run, on a port of its own on loopback.
struct RunningServer {
    ApiRun run;
    api::Server server;

    explicit RunningServer(api::ServerOptions options = {})
        : server(run.state, std::move(options)) {
        server.start();
    }

    [[nodiscard]] RawAnswer get(const std::string& target) const { return RawHttpClient(server.port()).get(target); }

    [[nodiscard]] RawAnswer head(const std::string& target) const {
        RawHttpClient client(server.port());
        client.request("HEAD", target);
        return client.read_answer(true);
    }

    [[nodiscard]] nlohmann::json body(const std::string& target) const {
        const RawAnswer answer = get(target);
        CAPTURE(target, answer.head, answer.body);
        REQUIRE(answer.complete);
        return nlohmann::json::parse(answer.body);
    }

    /// True where nobody listens on the port any more.
    [[nodiscard]] bool refuses() const {
        try {
            const RawHttpClient client(server.port());
        } catch (const std::runtime_error& error) {
            return std::string(error.what()).find("refused") != std::string::npos;
        }
        return false;
    }
};

}  // namespace aiperf::test
