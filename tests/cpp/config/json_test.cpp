#include "aiperf/base/error.hpp"
#include "aiperf/config/options.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <limits>
#include <string>

using namespace aiperf;
using config::RunConfig;

namespace {

RunConfig filled() {
    RunConfig c;
    c.model_names = {"org/model"};
    c.urls = {"http://a:1", "http://b:2/v1"};
    c.endpoint_type = config::EndpointType::completions;
    c.custom_endpoint = "";
    c.streaming = true;
    c.api_key = "key";
    c.headers = {{"X-Test", "one"}, {"X-Test", "two"}, {"Authorization", "Custom abc"}};
    c.extra_inputs = {"temperature:0.5", R"({"nested":{"a":[1,2]}})"};
    c.random_seed = std::numeric_limits<std::uint64_t>::max();
    c.isl_stddev = 0.1;
    c.request_rate = 1.0 / 3.0;
    c.arrival_pattern = config::ArrivalPattern::gamma;
    c.arrival_smoothness = 4.0;
    c.benchmark_duration = 5.0;
    c.benchmark_grace_period = std::numeric_limits<double>::infinity();
    c.log_level = config::LogLevel::debug;
    c.cli_command = "aiperf profile";
    return c;
}

std::string refusal(const std::string& json) {
    try {
        (void)config::from_json(json);
    } catch (const base::ConfigError& error) {
        return error.what();
    }
    return "accepted";
}

RunConfig set(const std::string& name, const std::string& json) {
    RunConfig config;
    config::set_from_json_text(config, name, json);
    return config;
}

}  // namespace

TEST_CASE("a configuration goes through JSON and back unchanged") {
    REQUIRE(config::from_json(config::to_json(filled(), config::Secrets::shown)) == filled());
    REQUIRE(config::from_json(config::to_json(RunConfig{})) == RunConfig{});
}

TEST_CASE("secrets are redacted unless they are asked for, and cannot come back") {
    const std::string text = config::to_json(filled());
    const auto json = nlohmann::json::parse(text);
    REQUIRE(json["api_key"] == "<redacted>");
    REQUIRE(json["headers"][2] == nlohmann::json({"Authorization", "<redacted>"}));
    REQUIRE(json["headers"][0] == nlohmann::json({"X-Test", "one"}));
    REQUIRE(text.find("Custom abc") == std::string::npos);
    REQUIRE(refusal(text).find("give the secret itself") != std::string::npos);
}

TEST_CASE("what was written with secrets redacted is read back with them redacted, to be shown") {
    const std::string text = config::to_json(filled());
    const RunConfig shown = config::from_redacted_json(text);
    REQUIRE(config::to_json(shown, config::Secrets::shown) == text);
    REQUIRE(shown.api_key == "<redacted>");
    const std::string whole = config::to_json(filled(), config::Secrets::shown);
    REQUIRE(config::from_redacted_json(whole) == filled());
    for (const char* const wrong : {"null", "[]", "{", R"({"headers": [["A", 1]]})", R"({"headers": "<redacted>"})"}) {
        CAPTURE(wrong);
        REQUIRE_THROWS_AS(config::from_redacted_json(wrong), base::ConfigError);
    }
}

TEST_CASE("JSON values are read by the field's type") {
    REQUIRE(set("concurrency", "64").concurrency == 64);
    REQUIRE(set("concurrency", "64.0").concurrency == 64);
    REQUIRE(set("request_rate", "5").request_rate == 5.0);
    REQUIRE(set("streaming", "true").streaming);
    REQUIRE(set("model", R"("m")").model_names == std::vector<std::string>{"m"});
    REQUIRE(set("url", R"(["http://a", "http://b"])").urls.size() == 2);
    REQUIRE(set("header", R"({"A": "b"})").headers == config::NamedValues{{"A", "b"}});
    REQUIRE(set("extra_inputs", R"({"a": 1})").extra_inputs == std::vector<std::string>{R"({"a":1})"});
    REQUIRE(set("benchmark_grace_period", "Infinity").benchmark_grace_period ==
            std::numeric_limits<double>::infinity());
    REQUIRE(set("arrival_pattern", R"("GAMMA")").arrival_pattern == config::ArrivalPattern::gamma);
}

TEST_CASE("null puts a field back to its default") {
    RunConfig config = filled();
    config::set_from_json_text(config, "request_rate", "null");
    config::set_from_json_text(config, "urls", "null");
    REQUIRE_FALSE(config.request_rate);
    REQUIRE(config.urls == RunConfig{}.urls);
}

TEST_CASE("values of another type are refused") {
    REQUIRE(refusal(R"({"concurrency": "64"})") == "concurrency: '\"64\"' is not allowed; an integer >= 1");
    REQUIRE(refusal(R"({"concurrency": 1.5})") == "concurrency: '1.5' is not allowed; an integer >= 1");
    REQUIRE(refusal(R"({"concurrency": true})") == "concurrency: 'true' is not allowed; an integer >= 1");
    REQUIRE(refusal(R"({"streaming": "yes"})") == "streaming: '\"yes\"' is not allowed; true or false");
    REQUIRE(refusal(R"({"tokenizer": 5})").starts_with("tokenizer: '5' is not allowed"));
    REQUIRE(refusal(R"({"model_names": [5]})").starts_with("model_names: '5' is not allowed"));
    REQUIRE(refusal(R"({"request_rate": "inf"})") == "request_rate: 'inf' is not allowed; a number > 0");
}

TEST_CASE("what is no JSON object, unknown keys and keys given twice are refused") {
    REQUIRE(refusal("{") == "configuration: the text is not JSON");
    REQUIRE(refusal("[]") == "configuration: a JSON object is needed");
    REQUIRE(refusal(R"({"concurency": 1})") == "concurency: unknown option; did you mean concurrency?");
    REQUIRE(refusal(R"({"isl": 1, "isl_mean": 2})") == "isl_mean: given twice (it is another name of isl_mean)");
}
