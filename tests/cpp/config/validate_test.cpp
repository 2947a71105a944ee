#include "aiperf/base/error.hpp"
#include "aiperf/config/options.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

using namespace aiperf;
using config::ArrivalPattern;
using config::RunConfig;

namespace {

std::string refusal(const std::function<void(RunConfig&)>& change) {
    RunConfig config;
    config.model_names = {"m"};
    change(config);
    try {
        config::validate(config);
    } catch (const base::ConfigError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("a model is required, and one is what there is") {
    REQUIRE(refusal([](RunConfig& c) { c.model_names.clear(); }).starts_with("--model-names is required"));
    REQUIRE(refusal([](RunConfig& c) {
                c.model_names = {"a", "b"};
            }) == "--model-names: more than one model is not supported yet");
    REQUIRE(refusal([](RunConfig&) {}) == "accepted");
}

TEST_CASE("a field set to what is not allowed is refused however it was set") {
    REQUIRE(refusal([](RunConfig& c) { c.concurrency = 0; }) == "--concurrency: '0' is not allowed; an integer >= 1");
    REQUIRE(refusal([](RunConfig& c) { c.request_rate = std::nan(""); }) ==
            "--request-rate: 'nan' is not allowed; a number > 0");
    REQUIRE(refusal([](RunConfig& c) { c.request_rate = std::numeric_limits<double>::infinity(); }) ==
            "--request-rate: 'inf' is not allowed; a number > 0");
    REQUIRE(refusal([](RunConfig& c) { c.isl_mean = 0; }).starts_with("--prompt-input-tokens-mean: '0'"));
    REQUIRE(refusal([](RunConfig& c) { c.isl_stddev = -1; }).starts_with("--prompt-input-tokens-stddev: '-1'"));
    REQUIRE(refusal([](RunConfig& c) { c.urls = {"ftp://h"}; }).starts_with("--url: 'ftp://h'"));
    REQUIRE(refusal([](RunConfig& c) { c.urls = {"https://h"}; }) == "accepted");
    REQUIRE(refusal([](RunConfig& c) { c.source_addresses = {"h"}; }).starts_with("--source-address: 'h'"));
    REQUIRE(refusal([](RunConfig& c) { c.tls_key = "k"; }) == "--tls-key needs --tls-certificate");
    REQUIRE(refusal([](RunConfig& c) { c.urls.clear(); }).starts_with("--url"));
    REQUIRE(refusal([](RunConfig& c) { c.headers = {{"A", "b\nC: d"}}; }).starts_with("--header"));
    REQUIRE(refusal([](RunConfig& c) { c.extra_inputs = {"x"}; }).starts_with("--extra-inputs"));
    REQUIRE(refusal([](RunConfig& c) { c.session_header = "two words"; }).starts_with("--session-header"));
    REQUIRE(refusal([](RunConfig& c) { c.custom_endpoint = ""; }) == "accepted");
    REQUIRE(refusal([](RunConfig& c) { c.api_key = "<redacted>"; }).find("give the secret") != std::string::npos);
}

TEST_CASE("rates and smoothness so small that no schedule can be made of them are refused") {
    REQUIRE(refusal([](RunConfig& c) { c.request_rate = 1e-300; }) ==
            "--request-rate: '1e-300' is not allowed; a number >= 1e-06");
    REQUIRE(refusal([](RunConfig& c) {
                c.request_rate = 1e-6;
                c.arrival_smoothness = 1e-300;
            }) == "--arrival-smoothness: '1e-300' is not allowed; a number >= 1e-04");
    REQUIRE(refusal([](RunConfig& c) { c.request_rate = 1e-6; }) == "accepted");
}

TEST_CASE("a grace period needs a duration") {
    REQUIRE(refusal([](RunConfig& c) { c.benchmark_grace_period = 5; }) ==
            "--benchmark-grace-period needs --benchmark-duration");
    REQUIRE(refusal([](RunConfig& c) {
                c.benchmark_duration = 1;
                c.benchmark_grace_period = std::numeric_limits<double>::infinity();
            }) == "accepted");
}

TEST_CASE("a warm-up's flags need what they speak of") {
    REQUIRE(refusal([](RunConfig& c) { c.warmup_grace_period = 5; }) ==
            "--warmup-grace-period needs --warmup-duration, --warmup-request-count or --num-warmup-sessions");
    REQUIRE(refusal([](RunConfig& c) {
                c.warmup_duration = 1;
                c.warmup_grace_period = 0;
            }) == "accepted");
    REQUIRE(refusal([](RunConfig& c) {
                c.warmup_duration = 1;
                c.warmup_arrival_pattern = ArrivalPattern::constant;
            }) == "--warmup-arrival-pattern constant needs --warmup-request-rate or --request-rate");
    REQUIRE(refusal([](RunConfig& c) {
                c.warmup_duration = 1;
                c.warmup_arrival_pattern = ArrivalPattern::concurrency_burst;
                c.warmup_request_rate = 5;
            }) == "--warmup-arrival-pattern concurrency_burst excludes --warmup-request-rate");
    REQUIRE(refusal([](RunConfig& c) {
                c.warmup_duration = 1;
                c.warmup_request_rate = 1e-300;
            }).starts_with("--warmup-request-rate"));
}

TEST_CASE("flags of a warm-up that is not there are told to have no effect") {
    RunConfig config;
    config.model_names = {"m"};
    config.warmup_concurrency = 3;
    config.warmup_request_rate = 3;
    const std::vector<std::string> lines = config::warnings(config);
    REQUIRE(lines == std::vector<std::string>{
                         "--warmup-concurrency has no effect without --warmup-request-count, --num-warmup-sessions or "
                         "--warmup-duration",
                         "--warmup-request-rate has no effect without --warmup-request-count, --num-warmup-sessions or "
                         "--warmup-duration"});
    config.warmup_request_count = 1;
    config.warmup_grace_period = 1;
    REQUIRE(config::warnings(config) ==
            std::vector<std::string>{"--warmup-grace-period has no effect without --warmup-duration"});
}

TEST_CASE("sessions of several turns are for chat, and delays for them") {
    const auto completions = [](RunConfig& c) {
        c.endpoint_type = config::EndpointType::completions;
        c.num_sessions = 5;
    };
    REQUIRE(refusal(completions) == "accepted");
    REQUIRE(refusal([&](RunConfig& c) {
                completions(c);
                c.session_turns_stddev = 1;
            }) == "--session-turns-mean: sessions of several turns need --endpoint-type chat");
    RunConfig config;
    config.model_names = {"m"};
    config.session_turn_delay_mean = 5;
    REQUIRE(config::warnings(config) ==
            std::vector<std::string>{"--session-turn-delay-mean has no effect without --session-turns-mean"});
    config.session_turns_mean = 2;
    REQUIRE(config::warnings(config).empty());
    config.session_turn_delay_mean = 0;
    config.session_turn_delay_stddev = 5;
    config.session_delay_ratio = 2;
    REQUIRE(config::warnings(config) ==
            std::vector<std::string>{"--session-turn-delay-stddev has no effect without --session-turn-delay-mean",
                                     "--session-delay-ratio has no effect without --session-turn-delay-mean"});
}

TEST_CASE("an arrival pattern needs a rate, but for the burst, which excludes one") {
    REQUIRE(refusal([](RunConfig& c) { c.arrival_pattern = ArrivalPattern::constant; }) ==
            "--arrival-pattern constant needs --request-rate");
    REQUIRE(refusal([](RunConfig& c) { c.arrival_pattern = ArrivalPattern::concurrency_burst; }) == "accepted");
    REQUIRE(refusal([](RunConfig& c) {
                c.arrival_pattern = ArrivalPattern::concurrency_burst;
                c.request_rate = 5;
            }).starts_with("--arrival-pattern concurrency_burst excludes --request-rate"));
}

TEST_CASE("smoothness needs a rate and gamma arrivals") {
    REQUIRE(refusal([](RunConfig& c) { c.arrival_smoothness = 2; }) == "--arrival-smoothness needs --request-rate");
    REQUIRE(refusal([](RunConfig& c) {
                c.arrival_smoothness = 2;
                c.request_rate = 5;
                c.arrival_pattern = ArrivalPattern::poisson;
            }) == "--arrival-smoothness needs --arrival-pattern gamma, not poisson");
    REQUIRE(refusal([](RunConfig& c) {
                c.arrival_smoothness = 2;
                c.request_rate = 5;
            }) == "accepted");
}

TEST_CASE("what will not do what it seems to is warned about") {
    RunConfig config;
    REQUIRE(config::warnings(config).empty());
    config.osl_stddev = 3;
    config.use_legacy_max_tokens = true;
    config.endpoint_type = config::EndpointType::completions;
    REQUIRE(config::warnings(config) ==
            std::vector<std::string>{"--osl-stddev has no effect without --osl",
                                     "--use-legacy-max-tokens has no effect with --endpoint-type completions"});
}
