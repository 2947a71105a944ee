#include "aiperf/config/resolve.hpp"

#include "aiperf/base/text.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/config/words.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <random>
#include <sched.h>

namespace aiperf::config {

namespace {

constexpr std::uint64_t k_default_requests = 10;
constexpr std::uint64_t k_default_entries = 100;
constexpr double k_default_grace_seconds = 30.0;
constexpr std::size_t k_longest_name = 150;  // of a model in a directory's name; file systems end at 255 bytes

// Seeds below 2^53 survive every JSON reader.
constexpr std::uint64_t k_seed_mask = (1ULL << 53U) - 1;

std::uint32_t worker_count(const RunConfig& config, const Resources& resources) {
    const double share = static_cast<double>(resources.cores) * resources.worker.cpu_utilization_factor;
    const auto from_cores = static_cast<std::int64_t>(share) - 1;
    const auto cap = static_cast<std::int64_t>(resources.worker.max_workers_cap);
    auto count = static_cast<std::uint32_t>(std::max<std::int64_t>(1, std::min(from_cores, cap)));
    count = config.workers_max.value_or(count);
    return std::min(count, config.concurrency.value_or(count));
}

void resolve_load(RunConfig& config) {
    if (config.request_rate) {
        if (!config.arrival_pattern) {
            config.arrival_pattern = config.arrival_smoothness ? ArrivalPattern::gamma : ArrivalPattern::poisson;
        }
        if (config.arrival_pattern == ArrivalPattern::gamma && !config.arrival_smoothness) {
            config.arrival_smoothness = 1.0;
        }
    } else {
        config.arrival_pattern = ArrivalPattern::concurrency_burst;
        config.concurrency = config.concurrency.value_or(1);
    }
    if (!config.benchmark_duration && !config.num_sessions) {
        config.request_count = config.request_count.value_or(k_default_requests);
    }
    if (config.benchmark_duration && !config.benchmark_grace_period) {
        config.benchmark_grace_period = k_default_grace_seconds;
    }
}

/// True where nothing is open any more: a concurrency that is absent in such a configuration means unlimited.
bool is_resolved(const RunConfig& config) {
    return config.random_seed && config.tokenizer && config.arrival_pattern && config.workers_max &&
           config.artifact_directory;
}

/// What the warm-up leaves open is as asked for the profiling phase: before that phase's own defaults are filled in.
void resolve_warmup(RunConfig& config) {
    if (!config.has_warmup()) {
        return;
    }
    const bool own_rate = config.warmup_request_rate.has_value();
    if (!config.warmup_concurrency && !is_resolved(config)) {
        config.warmup_concurrency = config.concurrency;
    }
    if (config.warmup_arrival_pattern != ArrivalPattern::concurrency_burst && !own_rate) {
        config.warmup_request_rate = config.request_rate;
    }
    if (!config.warmup_request_rate) {
        config.warmup_arrival_pattern = ArrivalPattern::concurrency_burst;
        config.warmup_concurrency = config.warmup_concurrency.value_or(1);
        return;
    }
    if (!config.warmup_arrival_pattern && config.arrival_pattern != ArrivalPattern::concurrency_burst) {
        config.warmup_arrival_pattern = config.arrival_pattern;
    }
    if (!config.warmup_arrival_pattern) {
        config.warmup_arrival_pattern = config.arrival_smoothness ? ArrivalPattern::gamma : ArrivalPattern::poisson;
    }
}

/// A rate as Python writes it: "20.0", "0.0001", "1e-05".
std::string python_float(double value) {
    if (value < 1e-4) {
        return base::number_text(value);
    }
    std::array<char, 64> buffer{};
    auto* const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed).ptr;
    std::string text(buffer.data(), end);
    return text.find('.') == std::string::npos ? text + ".0" : text;
}

std::string stimulus(const RunConfig& config) {
    std::string text;
    if (config.concurrency) {
        text = "concurrency" + std::to_string(*config.concurrency);
    }
    if (config.request_rate) {
        text.append(text.empty() ? "" : "-").append("request_rate").append(python_float(*config.request_rate));
    }
    return text.empty() ? "concurrency1" : text;
}

std::string directory_word(std::string_view model) {
    std::string word(model.substr(0, k_longest_name));
    for (char& c : word) {
        if (c == '/' || static_cast<unsigned char>(c) < ' ') {
            c = '_';
        }
    }
    return word;
}

std::string with_scheme(const std::string& url) {
    return url.find("://") == std::string::npos ? "http://" + url : url;
}

}  // namespace

Resources Resources::of_machine(const settings::Settings& settings) {
    Resources resources;
    std::random_device device;
    resources.entropy = (std::uint64_t{device()} << 32U) | device();
    resources.worker = settings.worker;
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        resources.cores = static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&set)));
    }
    return resources;
}

RunConfig resolve(RunConfig config, const Resources& resources) {
    validate(config);
    std::transform(config.urls.begin(), config.urls.end(), config.urls.begin(), with_scheme);
    config.random_seed = config.random_seed.value_or(resources.entropy & k_seed_mask);
    config.tokenizer = config.tokenizer.value_or(config.model_names.front());
    config.num_dataset_entries = config.num_dataset_entries.value_or(config.num_sessions.value_or(k_default_entries));
    resolve_warmup(config);
    resolve_load(config);
    config.workers_max = worker_count(config, resources);
    if (!config.artifact_directory) {
        config.artifact_directory = "artifacts/" + artifact_name(config);
    }
    return config;
}

std::string artifact_name(const RunConfig& config) {
    const std::string model = config.model_names.empty() ? "model" : directory_word(config.model_names.front());
    const std::string several = config.model_names.size() > 1 ? "_multi" : "";
    return model + several + "-openai-" + std::string(to_string(config.endpoint_type)) + "-" + stimulus(config);
}

}  // namespace aiperf::config
