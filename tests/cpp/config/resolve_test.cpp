#include "aiperf/config/resolve.hpp"

#include "aiperf/base/error.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <string>

using namespace aiperf;
using config::ArrivalPattern;
using config::Resources;
using config::RunConfig;

namespace {

RunConfig resolved(const std::function<void(RunConfig&)>& change, std::uint32_t cores = 8) {
    RunConfig config;
    config.model_names = {"org/model"};
    change(config);
    const Resources resources{.entropy = ~0ULL, .cores = cores, .worker = {}};
    const RunConfig result = config::resolve(config, resources);
    REQUIRE(config::resolve(result, resources) == result);
    return result;
}

}  // namespace

TEST_CASE("a run without bounds is one of ten requests, one at a time") {
    const RunConfig c = resolved([](RunConfig&) {});
    REQUIRE(c.request_count == 10);
    REQUIRE(c.concurrency == 1);
    REQUIRE(c.arrival_pattern == ArrivalPattern::concurrency_burst);
    REQUIRE(c.workers_max == 1);
    REQUIRE(c.tokenizer == "org/model");
    REQUIRE(c.urls == std::vector<std::string>{"http://localhost:8000"});
    REQUIRE_FALSE(c.benchmark_grace_period);
}

TEST_CASE("a number of sessions is a bound, and the number of conversations where none is asked for") {
    const RunConfig none = resolved([](RunConfig&) {});
    REQUIRE(none.num_dataset_entries == 100);
    const RunConfig sessions = resolved([](RunConfig& c) { c.num_sessions = 7; });
    REQUIRE_FALSE(sessions.request_count);
    REQUIRE(sessions.num_dataset_entries == 7);
    const RunConfig both = resolved([](RunConfig& c) {
        c.num_sessions = 7;
        c.num_dataset_entries = 3;
        c.request_count = 20;
    });
    REQUIRE((both.num_dataset_entries == 3 && both.request_count == 20));
    const RunConfig warmup = resolved([](RunConfig& c) { c.warmup_num_sessions = 2; });
    REQUIRE(warmup.has_warmup());
    REQUIRE(warmup.warmup_concurrency == 1);
    REQUIRE(warmup.num_dataset_entries == 100);
}

TEST_CASE("a rate is Poisson and unlimited, gamma where a smoothness is given") {
    const RunConfig poisson = resolved([](RunConfig& c) { c.request_rate = 20; });
    REQUIRE(poisson.arrival_pattern == ArrivalPattern::poisson);
    REQUIRE_FALSE(poisson.concurrency);
    const RunConfig gamma = resolved([](RunConfig& c) {
        c.request_rate = 20;
        c.arrival_smoothness = 4;
    });
    REQUIRE(gamma.arrival_pattern == ArrivalPattern::gamma);
    const RunConfig plain = resolved([](RunConfig& c) {
        c.request_rate = 20;
        c.arrival_pattern = ArrivalPattern::gamma;
    });
    REQUIRE(plain.arrival_smoothness == 1.0);
}

TEST_CASE("a duration takes the place of the count and gets a grace period") {
    const RunConfig c = resolved([](RunConfig& config) { config.benchmark_duration = 5; });
    REQUIRE_FALSE(c.request_count);
    REQUIRE(c.benchmark_grace_period == 30.0);
}

TEST_CASE("a seed that nobody gave is drawn from the entropy, a given one is kept") {
    REQUIRE(resolved([](RunConfig&) {}).random_seed == (1ULL << 53U) - 1);
    REQUIRE(resolved([](RunConfig& c) { c.random_seed = 0; }).random_seed == 0);
}

TEST_CASE("the number of workers follows from the cores, the cap and the concurrency") {
    const auto workers = [](std::uint32_t cores, std::uint32_t concurrency) {
        return resolved([&](RunConfig& c) { c.concurrency = concurrency; }, cores).workers_max;
    };
    REQUIRE(workers(1, 1000) == 1);
    REQUIRE(workers(2, 1000) == 1);
    REQUIRE(workers(8, 1000) == 5);
    REQUIRE(workers(64, 1000) == 32);
    REQUIRE(workers(144, 1000) == 32);
    REQUIRE(workers(64, 4) == 4);
    REQUIRE(resolved([](RunConfig& c) {
                c.concurrency = 10;
                c.workers_max = 3;
            }).workers_max == 3);
}

TEST_CASE("the directory is named after model, type and load") {
    const auto directory = [](const std::function<void(RunConfig&)>& change) {
        return resolved(change).artifact_directory.value();
    };
    REQUIRE(directory([](RunConfig& c) { c.concurrency = 10; }) == "artifacts/org_model-openai-chat-concurrency10");
    REQUIRE(directory([](RunConfig& c) {
                c.endpoint_type = config::EndpointType::completions;
                c.request_rate = 20;
            }) == "artifacts/org_model-openai-completions-request_rate20.0");
    REQUIRE(directory([](RunConfig& c) {
                c.concurrency = 4;
                c.request_rate = 0.5;
            }) == "artifacts/org_model-openai-chat-concurrency4-request_rate0.5");
    REQUIRE(directory([](RunConfig& c) { c.request_rate = 0.0001; }).ends_with("-request_rate0.0001"));
    REQUIRE(directory([](RunConfig& c) { c.request_rate = 100000; }).ends_with("-request_rate100000.0"));
    REQUIRE(directory([](RunConfig& c) { c.artifact_directory = "here"; }) == "here");
}

TEST_CASE("an invalid configuration is not resolved") {
    REQUIRE_THROWS_AS(resolved([](RunConfig& c) { c.concurrency = 0; }), base::ConfigError);
}

TEST_CASE("the machine gives at least one core, and other entropy each time") {
    const auto first = Resources::of_machine({});
    REQUIRE(first.cores >= 1);
    REQUIRE(first.entropy != Resources::of_machine({}).entropy);
}

TEST_CASE("a warm-up takes over what the profiling phase was asked for, and not its defaults") {
    const RunConfig open = resolved([](RunConfig& c) {
        c.warmup_request_count = 4;
        c.request_rate = 20;
        c.arrival_pattern = ArrivalPattern::constant;
    });
    REQUIRE(open.warmup_request_rate == 20.0);
    REQUIRE(open.warmup_arrival_pattern == ArrivalPattern::constant);
    REQUIRE_FALSE(open.warmup_concurrency);
    const RunConfig closed = resolved([](RunConfig& c) {
        c.warmup_duration = 1;
        c.concurrency = 7;
    });
    REQUIRE(closed.warmup_concurrency == 7);
    REQUIRE_FALSE(closed.warmup_request_rate);
    const RunConfig plain = resolved([](RunConfig& c) { c.warmup_duration = 1; });
    REQUIRE(plain.warmup_concurrency == 1);
    REQUIRE(plain.request_count == 10);
}

TEST_CASE("a warm-up at a rate of its own is unlimited beside a closed loop, and a burst beside a rate has none") {
    const RunConfig rate = resolved([](RunConfig& c) {
        c.warmup_request_count = 4;
        c.warmup_request_rate = 10;
    });
    REQUIRE(rate.warmup_arrival_pattern == ArrivalPattern::poisson);
    REQUIRE_FALSE(rate.warmup_concurrency);
    REQUIRE(rate.concurrency == 1);
    const RunConfig burst = resolved([](RunConfig& c) {
        c.warmup_request_count = 4;
        c.warmup_arrival_pattern = ArrivalPattern::concurrency_burst;
        c.warmup_concurrency = 3;
        c.request_rate = 10;
    });
    REQUIRE_FALSE(burst.warmup_request_rate);
    REQUIRE(burst.warmup_concurrency == 3);
    REQUIRE(burst.request_rate == 10.0);
}

TEST_CASE("without a count or a duration there is no warm-up to fill in") {
    const RunConfig c = resolved([](RunConfig& config) { config.warmup_concurrency = 3; });
    REQUIRE_FALSE(c.has_warmup());
    REQUIRE_FALSE(c.warmup_arrival_pattern);
}
