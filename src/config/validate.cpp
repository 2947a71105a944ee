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

void check_warmup(const RunConfig& config) {
    if (!config.has_warmup()) {
        if (config.warmup_grace_period) {
            throw base::ConfigError(
                "--warmup-grace-period needs --warmup-duration, --warmup-request-count or --num-warmup-sessions");
        }
        return;
    }
    check_not_below("--warmup-request-rate", config.warmup_request_rate, k_lowest_rate);
    if (!config.warmup_arrival_pattern) {
        return;
    }
    const std::string given = "--warmup-arrival-pattern " + std::string(to_string(*config.warmup_arrival_pattern));
    if (*config.warmup_arrival_pattern == ArrivalPattern::concurrency_burst) {
        if (config.warmup_request_rate) {
            throw base::ConfigError(given + " excludes --warmup-request-rate");
        }
    } else if (!config.warmup_request_rate && !config.request_rate) {
        throw base::ConfigError(given + " needs --warmup-request-rate or --request-rate");
    }
}

void warn_about_warmup(const RunConfig& config, std::vector<std::string>& lines) {
    if (config.warmup_grace_period && !config.warmup_duration) {
        lines.emplace_back("--warmup-grace-period has no effect without --warmup-duration");
    }
    const auto idle = [&](bool given, const char* flag) {
        if (given && !config.has_warmup()) {
            lines.push_back(
                std::string(flag) +
                " has no effect without --warmup-request-count, --num-warmup-sessions or --warmup-duration");
        }
    };
    idle(config.warmup_concurrency.has_value(), "--warmup-concurrency");
    idle(config.warmup_request_rate.has_value(), "--warmup-request-rate");
    idle(config.warmup_arrival_pattern.has_value(), "--warmup-arrival-pattern");
}

void check_sessions(const RunConfig& config) {
    if (config.has_turns() && config.endpoint_type == EndpointType::completions) {
        throw base::ConfigError("--session-turns-mean: sessions of several turns need --endpoint-type chat");
    }
}

void warn_about_sessions(const RunConfig& config, std::vector<std::string>& lines) {
    const auto idle = [&](bool given, bool used, const char* flag, const char* needed) {
        if (given && !used) {
            lines.push_back(std::string(flag) + " has no effect without " + needed);
        }
    };
    const bool has_delay = config.session_turn_delay_mean > 0;
    idle(has_delay, config.has_turns(), "--session-turn-delay-mean", "--session-turns-mean");
    idle(config.session_turn_delay_stddev > 0, has_delay, "--session-turn-delay-stddev", "--session-turn-delay-mean");
    idle(config.session_delay_ratio != 1.0, has_delay, "--session-delay-ratio", "--session-turn-delay-mean");
}

void check_connections(const RunConfig& config) {
    if (config.tls_key && !config.tls_certificate) {
        throw base::ConfigError("--tls-key needs --tls-certificate");
    }
}

}  // namespace

void validate(const RunConfig& config) {
    check_models_and_urls(config);
    for (const Option& option : options()) {
        check_field(option, config);
    }
    check_arrivals(config);
    check_warmup(config);
    check_sessions(config);
    check_connections(config);
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
    warn_about_warmup(config, lines);
    warn_about_sessions(config, lines);
    return lines;
}

}  // namespace aiperf::config
