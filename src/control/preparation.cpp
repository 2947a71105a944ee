#include "preparation.hpp"

#include "../api/access.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/base/rng.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/config/redact.hpp"
#include "aiperf/config/resolve.hpp"
#include "aiperf/control/calibration.hpp"
#include "aiperf/dataset/synthetic.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/process/helper.hpp"
#include "machine_facts.hpp"
#include "network.hpp"
#include "preflight.hpp"
#include "wait_for_model.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <random>
#include <system_error>
#include <unistd.h>

namespace aiperf::control {

namespace {

void check_directory(const std::filesystem::path& directory, const char* flag) {
    std::error_code failure;
    std::filesystem::create_directories(directory, failure);
    if (!failure && ::access(directory.c_str(), W_OK | X_OK) != 0) {
        failure = {errno, std::generic_category()};
    }
    if (failure) {
        throw base::ConfigError(
            flag, directory.string(), "a directory that can be written is (" + failure.message() + ")");
    }
}

std::shared_ptr<const endpoint::Endpoint> endpoint_for(const config::RunConfig& config,
                                                       const Environment& environment) {
    if (environment.endpoint == nullptr) {
        return {std::shared_ptr<const void>{}, &endpoint::endpoint_of(config.endpoint_type)};  // static: nobody's
    }
    if (config.backend == config::Backend::process && !environment.endpoint->type()) {
        throw base::ConfigError(
            "--backend", "process", "an endpoint of one's own is known to this process only: thread is");
    }
    return environment.endpoint;
}

/// Refuses what would certainly break, warns of what may, and raises the soft limit of descriptors where that is
/// enough.
void check_machine(Preparation& preparation) {
    const MachineFacts facts = MachineFacts::read(preparation.journal_directory);
    const LoadNeeds needs = LoadNeeds::of(preparation.config);
    for (const Finding& finding : preflight(needs, facts)) {
        if (finding.severity == Severity::refuse) {
            throw base::ConfigError(finding.sentence());
        }
        preparation.warnings.push_back(finding.sentence());
    }
    raise_descriptors(descriptors_wanted(needs, facts));
}

/// Files of TLS, source addresses and proxies: what is wrong with them is said before anything starts.
void check_connections(Preparation& preparation, const Environment& environment) {
    const config::RunConfig& config = preparation.config;
    preparation.working_directory = environment.working_directory;
    if (preparation.settings.http.trust_env) {
        preparation.proxies = Proxies::from(environment.variables);
    }
    check_sources(config);
    const bool tls = std::any_of(
        config.urls.begin(), config.urls.end(), [](const std::string& url) { return config::parse_url(url).is_tls(); });
    if (!tls) {
        return;
    }
    try {
        const load::TlsContext context(
            manner_of(config, {preparation.settings, preparation.proxies, environment.working_directory}).tls);
    } catch (const base::RunError& error) {
        throw base::ConfigError(error.what());
    }
    if (!preparation.settings.http.ssl_verify) {
        preparation.warnings.emplace_back(k_tls_not_verified);
        preparation.notes.emplace_back(k_tls_not_verified);
    }
}

/// The calibration of this load, where one was made on this machine.
void find_calibration(Preparation& preparation, const Environment& environment) {
    const auto directory = cache_directory(preparation.settings, environment.variables);
    if (!directory.empty() && environment.endpoint == nullptr && why_not_calibrated(preparation.config).empty()) {
        preparation.calibration =
            read_calibration(directory, calibration_key(preparation.config, preparation.helper), preparation.warnings);
    }
}

/// Null where server counts can stand in for a tokenizer that is not there.
std::shared_ptr<const dataset::Tokenizer> tokenizer_or_words(const config::RunConfig& config,
                                                             const Environment& environment,
                                                             std::vector<std::string>& warnings) {
    try {
        return tokenizer_for(config, environment, &warnings);
    } catch (const base::ConfigError& error) {
        if (!config.use_server_token_count) {
            throw;
        }
        warnings.push_back(std::string(error.what()) + "; counts are the server's, prompt lengths are in words");
        return nullptr;
    }
}

schedule::Arrivals arrivals_of(const config::RunConfig& config,
                               const std::string& phase,
                               double rate,
                               config::ArrivalPattern pattern) {
    schedule::Arrivals arrivals;
    arrivals.rate = rate;
    arrivals.smoothness = config.arrival_smoothness.value_or(1.0);
    arrivals.seed = base::derive_seed(*config.random_seed, "arrivals/" + phase);
    switch (pattern) {
        case config::ArrivalPattern::constant: arrivals.process = schedule::Process::constant; break;
        case config::ArrivalPattern::gamma: arrivals.process = schedule::Process::gamma; break;
        default: arrivals.process = schedule::Process::poisson; break;
    }
    return arrivals;
}

/// Finite durations of any length, as far as the clock's range goes.
base::Nanoseconds seconds(double value) {
    constexpr double k_longest = 9e9;  // 285 years: beyond it there is no difference to a person
    return base::Nanoseconds(static_cast<std::int64_t>(std::min(value, k_longest) * 1e9));
}

/// The end of a phase by time; no grace, or an infinite one: what is in flight may take any time.
void bound(schedule::Phase& phase, std::optional<double> duration, std::optional<double> grace) {
    if (!duration) {
        return;
    }
    phase.duration = seconds(*duration);
    if (grace && std::isfinite(*grace)) {
        phase.grace = seconds(*grace);
    }
}

/// Of a phase that is bound by sessions, the requests they come to.
void bound_requests(schedule::Phase& phase, const dataset::Dataset& dataset) {
    if (!phase.sessions || dataset.size() == 0) {
        return;
    }
    std::uint64_t of_a_round = 0;
    std::uint64_t of_the_rest = 0;
    for (std::size_t index = 0; index < dataset.size(); ++index) {
        of_a_round += dataset.turns(index);
        of_the_rest += index < *phase.sessions % dataset.size() ? dataset.turns(index) : 0;
    }
    const std::uint64_t all = *phase.sessions / dataset.size() * of_a_round + of_the_rest;
    phase.requests = std::min(phase.requests.value_or(all), all);
}

}  // namespace

std::string Preparation::benchmark_id() const {
    std::array<char, 20> text{};
    std::snprintf(text.data(), text.size(), "%012llx", static_cast<unsigned long long>(run_key & 0xffffffffffffULL));
    return text.data();
}

std::filesystem::path Preparation::journal_directory_of(const std::filesystem::path& artifact_directory,
                                                        const settings::Settings& settings) {
    return settings.journal.dir ? std::filesystem::path(*settings.journal.dir) / artifact_directory.filename()
                                : artifact_directory / "journal";
}

std::shared_ptr<const dataset::Tokenizer> tokenizer_for(const config::RunConfig& config,
                                                        const Environment& environment,
                                                        std::vector<std::string>* warnings) {
    const std::string& asked = config.tokenizer ? *config.tokenizer : config.model_names.at(0);
    dataset::TokenizerSearch search;
    search.name = asked;
    search.hub_caches = dataset::default_hub_caches(environment.variables);
    if (dataset::is_placeholder_model(asked)) {
        search.name = "builtin";
        if (warnings != nullptr) {
            warnings->push_back("--tokenizer: '" + asked + "' is a placeholder's name; builtin is used");
        }
    }
    const std::filesystem::path local = environment.working_directory / search.name;
    if (std::error_code ignored; std::filesystem::exists(local, ignored)) {
        search.name = local.string();
    }
    return dataset::open_tokenizer(search);
}

namespace {

void check_results_server(const Preparation& preparation) {
    const config::RunConfig& config = preparation.config;
    const settings::ApiServer& server = preparation.settings.api_server;
    const bool has_port = config.api_port || server.port;
    if (config.api_host && !has_port) {
        throw base::ConfigError(
            "--api-host", *config.api_host, "it needs a port: --api-port or AIPERF_API_SERVER_PORT");
    }
    if (config.api_linger && !has_port && !config.api_socket) {
        throw base::ConfigError(
            "--api-linger needs a results server: --api-port, --api-socket or "
            "AIPERF_API_SERVER_PORT");
    }
    if (server.token && !api::is_token(*server.token)) {
        throw base::ConfigError(
            "AIPERF_API_SERVER_TOKEN", std::string(config::k_redacted), "visible characters of ASCII without blanks");
    }
    if (server.tls_key && !server.tls_cert) {
        throw base::ConfigError("AIPERF_API_SERVER_TLS_KEY needs AIPERF_API_SERVER_TLS_CERT");
    }
}

}  // namespace

Preparation prepare(config::RunConfig config, const Environment& environment) {
    Preparation result;
    result.asked = config;
    result.settings = settings::Settings::from(environment.variables, &result.warnings);
    result.thresholds = validity::thresholds_from(result.settings.validity.thresholds);
    result.config = config::resolve(std::move(config), config::Resources::of_machine(result.settings));
    for (std::string& warning : config::warnings(result.config)) {
        result.warnings.push_back(std::move(warning));
    }
    check_results_server(result);
    check_connections(result, environment);
    result.endpoint = endpoint_for(result.config, environment);
    if (result.config.backend == config::Backend::process) {
        result.helper = process::find_helper(result.settings.process.helper);
    }
    result.tokenizer = tokenizer_or_words(result.config, environment, result.warnings);
    const auto directory = environment.working_directory / *result.config.artifact_directory;
    result.artifact_directory = std::filesystem::absolute(directory).lexically_normal();
    result.journal_directory = Preparation::journal_directory_of(result.artifact_directory, result.settings);
    check_machine(result);
    check_directory(result.artifact_directory, "--artifact-dir");
    check_directory(result.journal_directory, result.settings.journal.dir ? "AIPERF_JOURNAL_DIR" : "--artifact-dir");
    find_calibration(result, environment);
    std::random_device device;
    result.run_key = (std::uint64_t{device()} << 32U) | device();
    return result;
}

dataset::SyntheticOptions synthetic_options(const config::RunConfig& config,
                                            std::uint64_t seed,
                                            std::uint64_t entries) {
    dataset::SyntheticOptions options;
    options.entries = entries;
    options.isl_mean = config.isl_mean;
    options.isl_stddev = config.isl_stddev;
    if (config.osl_mean) {
        options.osl_mean = *config.osl_mean;
    }
    options.osl_stddev = config.osl_stddev;
    options.turns_mean = config.session_turns_mean;
    options.turns_stddev = config.session_turns_stddev;
    options.delay_mean = config.session_turn_delay_mean;
    options.delay_stddev = config.session_turn_delay_stddev;
    options.delay_ratio = config.session_delay_ratio;
    options.seed = seed;
    return options;
}

std::vector<schedule::Phase> phases_of(const config::RunConfig& config) {
    std::vector<schedule::Phase> phases;
    if (config.has_warmup()) {
        schedule::Phase& warmup = phases.emplace_back();
        warmup.name = "warmup";
        warmup.profiling = false;
        warmup.requests = config.warmup_request_count;
        warmup.sessions = config.warmup_num_sessions;
        warmup.concurrency = config.warmup_concurrency;
        bound(warmup, config.warmup_duration, config.warmup_grace_period);
        if (config.warmup_request_rate) {
            warmup.arrivals =
                arrivals_of(config, warmup.name, *config.warmup_request_rate, *config.warmup_arrival_pattern);
        }
    }
    schedule::Phase& profiling = phases.emplace_back();
    profiling.requests = config.request_count;
    profiling.sessions = config.num_sessions;
    profiling.concurrency = config.concurrency;
    bound(profiling, config.benchmark_duration, config.benchmark_grace_period);
    if (config.request_rate) {
        profiling.arrivals = arrivals_of(config, profiling.name, *config.request_rate, *config.arrival_pattern);
    }
    return phases;
}

load::LoadPlan make_plan(const Preparation& preparation,
                         std::shared_ptr<const dataset::Dataset> dataset,
                         const std::function<bool()>& cancelled,
                         const std::function<void(const std::string&)>& say) {
    const config::RunConfig& config = preparation.config;
    load::LoadPlan plan;
    plan.phases = phases_of(config);
    const Surroundings surroundings{preparation.settings, preparation.proxies, preparation.working_directory};
    wait_for_model(config, *preparation.endpoint, surroundings, cancelled, say);
    const Reach reach(config, surroundings, cancelled, say);
    plan.targets = reach_targets(config, *preparation.endpoint, surroundings, reach);
    plan.tls = reach.manner().tls;
    plan.socket = reach.manner().socket;
    plan.sources = reach.manner().sources;
    plan.redirects = config.follow_redirects;
    plan.spin = preparation.settings.worker.spin;
    plan.streams = config.streams_per_connection;
    plan.connections_ahead = preparation.settings.http.connections_ahead;
    plan.dataset = std::move(dataset);
    for (schedule::Phase& phase : plan.phases) {
        bound_requests(phase, *plan.dataset);
    }
    plan.endpoint = preparation.endpoint.get();
    plan.answer_frame = plan.endpoint->answer_frame(preparation.settings.endpoint);
    plan.ids = base::IdSource(preparation.run_key);
    plan.workers = *config.workers_max;
    plan.keep_text = !config.use_server_token_count || plan.dataset->multi_turn();
    plan.connection_reuse = config.connection_reuse_strategy;
    plan.failed_request_threshold = config.failed_request_threshold;
    plan.request_timeout = seconds(config.request_timeout_seconds);
    plan.connect_timeout = preparation.settings.http.connect_timeout;
    plan.idle_timeout = preparation.settings.http.keepalive_timeout;
    return plan;
}

}  // namespace aiperf::control
