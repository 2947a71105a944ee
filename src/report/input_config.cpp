#include "input_config.hpp"

#include "aiperf/config/redact.hpp"
#include "aiperf/config/words.hpp"
#include "redaction.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace aiperf::report {
namespace {

using Json = nlohmann::ordered_json;

const config::RunConfig k_defaults;

/// "key:value" or a JSON object, merged in the order given; a value that is JSON is taken as such, else as text.
Json extra_of(const std::vector<std::string>& inputs) {
    Json out = Json::object();
    for (const std::string& input : inputs) {
        const Json whole = Json::parse(input, nullptr, false);
        if (whole.is_object()) {
            out.update(whole);
            continue;
        }
        const std::size_t colon = input.find(':');
        const std::string value = colon == std::string::npos ? "" : input.substr(colon + 1);
        const Json parsed = Json::parse(value, nullptr, false);
        out[input.substr(0, colon)] = parsed.is_discarded() ? Json(value) : parsed;
    }
    return out;
}

Json headers_of(const std::vector<std::pair<std::string, std::string>>& headers) {
    Json out = Json::object();
    for (const auto& [name, value] : headers) {
        out[name] = config::is_secret_header(name) ? std::string(config::k_redacted) : value;
    }
    return out;
}

Json endpoint_of(const config::RunConfig& config) {
    Json out = Json::object();
    out["urls"] = Json::array();
    for (const std::string& url : config.urls) {
        out["urls"].push_back(redact_url(url));
    }
    if (config.endpoint_type != k_defaults.endpoint_type) {
        out["type"] = std::string(to_string(config.endpoint_type));
    }
    if (config.custom_endpoint) {
        out["path"] = *config.custom_endpoint;
    }
    if (config.api_key) {
        out["api_key"] = std::string(config::k_redacted);
    }
    if (config.request_timeout_seconds != k_defaults.request_timeout_seconds) {
        out["timeout"] = config.request_timeout_seconds;
    }
    const auto set_if = [&](const char* key, bool value) {
        if (value) {
            out[key] = true;
        }
    };
    set_if("streaming", config.streaming);
    if (config.connection_reuse_strategy != k_defaults.connection_reuse_strategy) {
        out["connection_reuse"] = std::string(to_string(config.connection_reuse_strategy));
    }
    if (config.wait_for_model_timeout != k_defaults.wait_for_model_timeout) {
        out["wait_for_model_timeout"] = config.wait_for_model_timeout;
    }
    if (config.wait_for_model_interval != k_defaults.wait_for_model_interval) {
        out["wait_for_model_interval"] = config.wait_for_model_interval;
    }
    if (config.wait_for_model_mode != k_defaults.wait_for_model_mode) {
        out["wait_for_model_mode"] = std::string(to_string(config.wait_for_model_mode));
    }
    set_if("use_legacy_max_tokens", config.use_legacy_max_tokens);
    set_if("use_server_token_count", config.use_server_token_count);
    if (!config.headers.empty()) {
        out["headers"] = headers_of(config.headers);
    }
    if (!config.extra_inputs.empty()) {
        out["extra"] = extra_of(config.extra_inputs);
    }
    if (config.session_header) {
        out["session_header"] = *config.session_header;
    }
    return out;
}

Json length_of(double mean, double stddev) {
    Json out{{"mean", mean}};
    if (stddev != 0.0) {
        out["stddev"] = stddev;
    }
    return out;
}

Json dataset_of(const config::RunConfig& config) {
    constexpr std::uint64_t k_default_entries = 100;
    const std::uint64_t entries = config.num_dataset_entries.value_or(config.num_sessions.value_or(k_default_entries));
    Json out{{"name", "main"}, {"type", "synthetic"}, {"entries", entries}};
    if (config.random_seed) {
        out["random_seed"] = *config.random_seed;
    }
    out["prompts"]["isl"] = length_of(config.isl_mean, config.isl_stddev);
    if (config.osl_mean) {
        out["prompts"]["osl"] = length_of(*config.osl_mean, config.osl_stddev);
    }
    if (config.has_turns()) {
        out["turns"] = {{"mean", static_cast<double>(config.session_turns_mean)},
                        {"stddev", static_cast<double>(config.session_turns_stddev)}};
    }
    if (config.session_turn_delay_mean != 0.0 || config.session_turn_delay_stddev != 0.0) {
        out["turn_delay"] = {{"mean", config.session_turn_delay_mean}, {"stddev", config.session_turn_delay_stddev}};
    }
    if (config.session_delay_ratio != k_defaults.session_delay_ratio) {
        out["turn_delay_ratio"] = config.session_delay_ratio;
    }
    return out;
}

const char* phase_type(const config::RunConfig& config) {
    if (!config.request_rate) {
        return "concurrency";
    }
    const auto unset = config.arrival_smoothness ? config::ArrivalPattern::gamma : config::ArrivalPattern::poisson;
    switch (config.arrival_pattern.value_or(unset)) {
        case config::ArrivalPattern::constant: return "constant";
        case config::ArrivalPattern::poisson: return "poisson";
        case config::ArrivalPattern::gamma: return "gamma";
        case config::ArrivalPattern::concurrency_burst: return "concurrency";
    }
    return "concurrency";
}

/// Everything of a phase but its first members.
void add_load(const config::RunConfig& config, Json& out) {
    if (config.request_count) {
        out["requests"] = *config.request_count;
    }
    if (config.num_sessions) {
        out["sessions"] = *config.num_sessions;
    }
    if (config.benchmark_duration) {
        out["duration"] = *config.benchmark_duration;
    }
    if (config.concurrency) {
        out["concurrency"] = *config.concurrency;
    }
    if (config.benchmark_grace_period && std::isfinite(*config.benchmark_grace_period)) {
        out["grace_period"] = *config.benchmark_grace_period;
    }
    if (config.request_rate) {
        out["rate"] = *config.request_rate;
    }
    if (config.arrival_smoothness) {
        out["smoothness"] = *config.arrival_smoothness;
    }
}

/// The warm-up as if it were all there is; what it leaves open is the profiling phase's.
config::RunConfig warmup_alone(const config::RunConfig& config) {
    config::RunConfig out;
    const bool burst = config.warmup_arrival_pattern == config::ArrivalPattern::concurrency_burst;
    out.request_count = config.warmup_request_count;
    out.num_sessions = config.warmup_num_sessions;
    out.benchmark_duration = config.warmup_duration;
    out.benchmark_grace_period = config.warmup_grace_period;
    out.concurrency = config.warmup_concurrency ? config.warmup_concurrency : config.concurrency;
    out.request_rate = config.warmup_request_rate || burst ? config.warmup_request_rate : config.request_rate;
    out.arrival_pattern = config.warmup_arrival_pattern ? config.warmup_arrival_pattern : config.arrival_pattern;
    out.arrival_smoothness = config.arrival_smoothness;
    return out;
}

Json warmup_of(const config::RunConfig& config) {
    const config::RunConfig warmup = warmup_alone(config);
    Json out{{"name", "warmup"}, {"kind", "warmup"}, {"type", phase_type(warmup)}, {"exclude_from_results", true}};
    add_load(warmup, out);
    return out;
}

Json profiling_of(config::RunConfig config) {
    constexpr std::uint64_t k_default_requests = 10;
    Json out{{"name", "profiling"}, {"kind", "profiling"}, {"type", phase_type(config)}};
    if (!config.benchmark_duration) {
        if (!config.num_sessions) {
            config.request_count = config.request_count.value_or(k_default_requests);
        }
        config.benchmark_grace_period.reset();
    }
    add_load(config, out);
    if (config.failed_request_threshold) {
        out["failed_request_threshold"] = *config.failed_request_threshold;
    }
    return out;
}

Json artifacts_of(const config::RunConfig& config) {
    Json out = Json::object();
    if (config.artifact_directory) {
        out["dir"] = *config.artifact_directory;
    }
    if (config.export_level == config::ExportLevel::summary) {
        out["records"] = false;
        out["raw"] = false;
    } else if (config.export_level == config::ExportLevel::raw) {
        out["records"] = Json::array({"jsonl"});
        out["raw"] = true;
    }
    out["auto_plot"] = false;
    out["plot_required"] = false;
    return out;
}

Json runtime_of(const config::RunConfig& config) {
    Json out = Json::object();
    if (config.ui != config::UiType::automatic) {
        out["ui"] = std::string(to_string(config.ui));
    }
    if (config.workers_max) {
        out["workers"] = *config.workers_max;
    }
    return out;
}

}  // namespace

Json input_config(const config::RunConfig& config) {
    Json out = Json::object();
    out["models"]["items"] = Json::array();
    for (const std::string& name : config.model_names) {
        out["models"]["items"].push_back(Json{{"name", name}});
    }
    out["endpoint"] = endpoint_of(config);
    out["datasets"] = Json::array({dataset_of(config)});
    out["phases"] = Json::array();
    if (config.has_warmup()) {
        out["phases"].push_back(warmup_of(config));
    }
    out["phases"].push_back(profiling_of(config));
    out["artifacts"] = artifacts_of(config);
    out["tokenizer"] = Json::object();
    if (config.tokenizer) {
        out["tokenizer"]["name"] = *config.tokenizer;
    }
    for (const char* telemetry : {"gpu_telemetry", "server_metrics", "network_latency"}) {
        out[telemetry] = Json{{"enabled", false}};
    }
    for (const char* exporter : {"otel", "mlflow", "wandb"}) {
        out[exporter] = Json::object();
    }
    out["runtime"] = runtime_of(config);
    return out;
}

}  // namespace aiperf::report
