#include "aiperf/base/error.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "scripted_server.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <mutex>
#include <string_view>

using namespace aiperf;
using control::Environment;
using control::Result;
using test::ScriptedServer;

namespace {

/// Answers are {"said": "…"}.
class SaidReader final : public endpoint::AnswerReader {
public:
    bool read(const char* json, std::size_t size, endpoint::Delta& delta) override {
        constexpr std::string_view k_before = "{\"said\":\"";
        const std::string_view text(json, size);
        if (text.substr(0, k_before.size()) != k_before) {
            return false;
        }
        delta.output = text.substr(k_before.size(), text.find('"', k_before.size()) - k_before.size());
        return true;
    }
};

class Said final : public endpoint::Endpoint {
public:
    [[nodiscard]] std::string_view path() const noexcept override { return "/say"; }

    [[nodiscard]] std::string body(const dataset::Turn& turn,
                                   const config::RunConfig& config,
                                   const settings::Endpoint& /*settings*/) const override {
        return endpoint::finished_body(R"({"tokens":)" + std::to_string(turn.input_tokens.value_or(0)) + "}", config);
    }

    [[nodiscard]] std::unique_ptr<endpoint::AnswerReader> reader() const override {
        return std::make_unique<SaidReader>();
    }
};

ScriptedServer::Steps say(std::string_view text) {
    const std::string body = "{\"said\":\"" + std::string(text) + "\"}";
    return {{.kind = ScriptedServer::Step::Kind::send,
             .bytes = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                      std::to_string(body.size()) + "\r\n\r\n" + body}};
}

config::RunConfig config_for(const std::string& url, const test::TemporaryDirectory& directory) {
    config::RunConfig config;
    config.model_names = {"m"};
    config.urls = {url};
    config.tokenizer = "builtin";
    config.isl_mean = 20;
    config.request_count = 5;
    config.extra_inputs = {"loud:true"};
    config.artifact_directory = (directory.path() / "artifacts").string();
    return config;
}

}  // namespace

TEST_CASE("An endpoint of a user's own writes the requests and reads the answers") {
    std::mutex mutex;
    std::vector<ScriptedServer::Request> received;
    ScriptedServer::Script script;
    script.on_request = [&](const ScriptedServer::Request& request) {
        const std::scoped_lock lock(mutex);
        received.push_back(request);
        return say("hello there");
    };
    ScriptedServer server(script);
    const test::TemporaryDirectory directory;
    Environment environment;
    environment.endpoint = std::make_shared<const Said>();
    config::RunConfig config = config_for("http://127.0.0.1:" + std::to_string(server.port()), directory);
    config.wait_for_model_timeout = 30;
    const Result result = control::run(config, environment);
    CHECK(result.summary.valid == 5);
    const std::scoped_lock lock(mutex);
    REQUIRE(received.size() == 6);  // and the question whether the model is there
    CHECK(received.front().head.find("POST /say HTTP/1.1") == 0);
    CHECK(received.back().head.find("POST /say HTTP/1.1") == 0);
    CHECK(received.back().body == R"({"tokens":20,"loud":true})");
    for (const record::Record& record : result.records->records()) {
        CHECK(result.records->output_text(record) == "hello there");
    }
}

TEST_CASE("Processes cannot be given an endpoint of a user's own") {
    const test::TemporaryDirectory directory;
    config::RunConfig config = config_for("http://127.0.0.1:9", directory);
    config.backend = config::Backend::process;
    Environment environment;
    environment.endpoint = std::make_shared<const Said>();
    CHECK_THROWS_WITH(control::Run(config, environment), Catch::StartsWith("--backend: 'process' is not allowed; "));
}

TEST_CASE("A body that is no JSON object is refused") {
    const config::RunConfig config;
    CHECK_THROWS_AS(endpoint::finished_body("[]", config), base::ConfigError);
    CHECK_THROWS_AS(endpoint::finished_body("{", config), base::ConfigError);
    CHECK(endpoint::finished_body("{ }", config) == "{}");
    CHECK(endpoint::finished_body(R"({"stream":true})", config) ==
          R"({"stream":true,"stream_options":{"include_usage":true}})");
}
