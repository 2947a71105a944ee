#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/config/words.hpp"
#include "values.hpp"

namespace aiperf::config {

namespace {

void check_models_and_urls(const RunConfig& config) {
    if (config.model_names.empty()) {
        throw base::ConfigError("--model-names is required: the name of the model to measure (-m NAME)");
    }
    if (config.model_names.size() > 1) {
        throw base::ConfigError("--model-names: more than one model is not supported yet");
    }
    if (config.urls.empty()) {
        throw base::ConfigError("--url: at least one address is needed");
    }
}

/// Below these the arithmetic of schedules ends: an interval no longer fits 64 bits of nanoseconds.
constexpr double k_lowest_rate = 1e-6;
constexpr double k_lowest_smoothness = 1e-4;

void check_not_below(std::string_view flag, std::optional<double> value, double lowest) {
    if (value && *value < lowest) {
        throw base::ConfigError(
            std::string(flag), base::number_text(*value), "a number >= " + base::number_text(lowest));
    }
}

void check_arrivals(const RunConfig& config) {
    check_not_below("--request-rate", config.request_rate, k_lowest_rate);
    check_not_below("--arrival-smoothness", config.arrival_smoothness, k_lowest_smoothness);
    const auto pattern = config.arrival_pattern;
    const bool burst = pattern == ArrivalPattern::concurrency_burst;
    if (pattern && !burst && !config.request_rate) {
        throw base::ConfigError("--arrival-pattern " + std::string(to_string(*pattern)) + " needs --request-rate");
    }
    if (burst && config.request_rate) {
        throw base::ConfigError(
            "--arrival-pattern concurrency_burst excludes --request-rate: it sends as fast as "
            "--concurrency allows");
    }
    if (!config.arrival_smoothness) {
        return;
    }
    if (!config.request_rate) {
        throw base::ConfigError("--arrival-smoothness needs --request-rate");
    }
    if (pattern && pattern != ArrivalPattern::gamma) {
        throw base::ConfigError("--arrival-smoothness needs --arrival-pattern gamma, not " +
                                std::string(to_string(*pattern)));
    }
}

}  // namespace

void validate(const RunConfig& config) {
    check_models_and_urls(config);
    for (const Option& option : options()) {
        check_field(option, config);
    }
    check_arrivals(config);
    if (config.benchmark_grace_period && !config.benchmark_duration) {
        throw base::ConfigError("--benchmark-grace-period needs --benchmark-duration");
    }
}

std::vector<std::string> warnings(const RunConfig& config) {
    std::vector<std::string> lines;
    if (config.osl_stddev > 0 && !config.osl_mean) {
        lines.emplace_back("--osl-stddev has no effect without --osl");
    }
    if (config.use_legacy_max_tokens && config.endpoint_type != EndpointType::chat) {
        lines.emplace_back("--use-legacy-max-tokens has no effect with --endpoint-type " +
                           std::string(to_string(config.endpoint_type)));
    }
    return lines;
}

}  // namespace aiperf::config
