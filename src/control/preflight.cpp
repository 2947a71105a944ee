#include "preflight.hpp"

#include "aiperf/base/text.hpp"
#include "aiperf/config/url.hpp"
#include "aiperf/record/record.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace aiperf::control {

namespace {

constexpr std::uint64_t k_descriptors_besides = 64;  // files, event loops, the results server
constexpr std::uint64_t k_body_besides = 200;        // keys and braces of a request
constexpr std::uint64_t k_bytes_per_token = 5;       // of English prose, likely
constexpr std::uint64_t k_answer_tokens = 256;       // where nobody asked for a length
constexpr double k_time_wait_s = 60.0;               // of the system, fixed
constexpr double k_time_wait_reused_s = 1.0;         // with tcp_tw_reuse
constexpr double k_more_than_any = 9e18;

bool is_loopback(const std::string& url) {
    const std::string host = config::parse_url(url).host;
    return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0;
}

bool is_unix_socket(const std::string& url) {
    return config::parse_url(url).scheme == config::Scheme::unix_socket;
}

std::uint64_t whole(double value) {
    return static_cast<std::uint64_t>(std::ceil(std::clamp(value, 0.0, k_more_than_any)));
}

std::uint64_t add(std::uint64_t a, std::uint64_t b) {
    return a > std::numeric_limits<std::uint64_t>::max() - b ? std::numeric_limits<std::uint64_t>::max() : a + b;
}

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
    return b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b ? std::numeric_limits<std::uint64_t>::max()
                                                                       : a * b;
}

std::uint64_t share(std::uint64_t all, std::uint64_t of) {
    return all / of + (all % of == 0 ? 0 : 1);
}

std::string megabytes(std::uint64_t bytes) {
    constexpr double k_megabyte = 1e6;
    return base::number_text(std::round(static_cast<double>(bytes) / k_megabyte * 10.0) / 10.0) + " MB";
}

/// The lower of two bounds, as far as they are there.
std::optional<std::uint64_t> fewer(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) {
    return a && b ? std::min(a, b) : a ? a : b;
}

/// Most turns of a session, likely.
std::uint64_t turns_of(const config::RunConfig& config) {
    constexpr std::uint64_t k_deviations = 3;
    return add(config.session_turns_mean, k_deviations * config.session_turns_stddev);
}

/// The requests that a phase is bound by: by their number, or by that of their sessions.
std::optional<std::uint64_t> bound_of(std::optional<std::uint64_t> count,
                                      std::optional<std::uint64_t> sessions,
                                      const config::RunConfig& config) {
    return fewer(count, sessions ? std::optional(times(*sessions, turns_of(config))) : std::nullopt);
}

std::optional<std::uint64_t> requests_of(const config::RunConfig& config) {
    const auto phase = [](std::optional<std::uint64_t> count,
                          std::optional<double> duration,
                          std::optional<double> rate) -> std::optional<std::uint64_t> {
        if (!duration || !rate) {
            return count;
        }
        const std::uint64_t due = whole(*duration * *rate);
        return count ? std::min(*count, due) : due;
    };
    const auto count = bound_of(config.request_count, config.num_sessions, config);
    const auto profiling = phase(count, config.benchmark_duration, config.request_rate);
    if (!config.has_warmup() || !profiling) {
        return profiling;
    }
    const auto warmup_count = bound_of(config.warmup_request_count, config.warmup_num_sessions, config);
    const auto warmup = phase(warmup_count, config.warmup_duration, config.warmup_request_rate);
    return warmup ? std::optional(add(*profiling, *warmup)) : std::nullopt;
}

/// Open at once in a phase, at most.
std::optional<std::uint64_t> connections_in(std::optional<std::uint32_t> concurrency,
                                            std::optional<std::uint64_t> requests) {
    return concurrency ? std::optional(std::min<std::uint64_t>(*concurrency, requests.value_or(*concurrency)))
                       : std::nullopt;
}

void count_connections(LoadNeeds& needs, const config::RunConfig& config) {
    needs.connections = connections_in(config.concurrency, fewer(config.request_count, config.num_sessions));
    needs.connections_certain = config.request_rate ? 0 : needs.connections.value_or(0);
    if (config.has_warmup()) {
        const auto warmup =
            connections_in(config.warmup_concurrency, fewer(config.warmup_request_count, config.warmup_num_sessions));
        needs.connections =
            needs.connections && warmup ? std::optional(std::max(*needs.connections, *warmup)) : std::nullopt;
        needs.connections_certain =
            std::max(needs.connections_certain, config.warmup_request_rate ? 0 : warmup.value_or(0));
    }
}

/// Of all connections, those of the process that has the most.
std::uint64_t of_a_process(const LoadNeeds& needs, std::uint64_t connections) {
    return needs.worker_processes ? share(connections, needs.workers) : connections;
}

void check_descriptors(std::vector<Finding>& found, const LoadNeeds& needs, const MachineFacts& facts) {
    if (!facts.descriptors_hard) {
        return;
    }
    const std::uint64_t besides = add(facts.descriptors_open, k_descriptors_besides);
    const std::uint64_t hard = *facts.descriptors_hard;
    if (needs.connections) {
        const std::uint64_t connections = of_a_process(needs, *needs.connections);
        if (add(connections, besides) > hard) {
            const bool certain = add(of_a_process(needs, needs.connections_certain), besides) > hard;
            found.push_back({certain ? Severity::refuse : Severity::warn,
                             "descriptors",
                             std::to_string(hard),
                             std::to_string(add(connections, besides)) + " (" + std::to_string(connections) +
                                 " connections of one process, and " + std::to_string(besides) + " besides)",
                             "raise the hard limit (ulimit -Hn; LimitNOFILE= of a service), ask for a lower "
                             "--concurrency, or spread it over more --workers-max with --backend process"});
        }
        return;
    }
    if (needs.rate && *needs.rate > static_cast<double>(hard - std::min(hard, besides))) {
        found.push_back({Severity::warn,
                         "descriptors",
                         std::to_string(hard),
                         std::to_string(add(whole(*needs.rate), besides)) +
                             " as soon as answers take a second at this rate without --concurrency",
                         "raise the hard limit (ulimit -Hn) or give a --concurrency"});
    }
}

void check_ports(std::vector<Finding>& found, const LoadNeeds& needs, const MachineFacts& facts) {
    if (!facts.ephemeral_ports || !needs.local_ports) {
        return;
    }
    const std::string remedy =
        "widen net.ipv4.ip_local_port_range, give more of --source-address, or send to more addresses";
    const std::uint64_t ports = times(*facts.ephemeral_ports, needs.source_addresses);
    const std::string value = std::to_string(ports) + " to each address";
    if (needs.connections && share(*needs.connections, needs.targets) > ports) {
        found.push_back({share(needs.connections_certain, needs.targets) > ports ? Severity::refuse : Severity::warn,
                         "local ports",
                         value,
                         std::to_string(share(*needs.connections, needs.targets)) + " connections at once",
                         remedy + ", or ask for a lower --concurrency"});
        return;
    }
    if (!needs.fresh_connections) {
        return;
    }
    const bool reused = facts.tcp_tw_reuse == 1 || (facts.tcp_tw_reuse == 2 && needs.loopback);
    const double held_s = reused ? k_time_wait_reused_s : k_time_wait_s;
    std::uint64_t needed = needs.rate ? whole(*needs.rate * held_s) : std::numeric_limits<std::uint64_t>::max();
    needed = share(std::min(needed, needs.requests.value_or(needed)), needs.targets);
    if (needed <= ports || (reused && !needs.rate)) {
        return;
    }
    const bool unknown = !needs.rate && !needs.requests;
    found.push_back({Severity::warn,
                     "local ports",
                     value,
                     (unknown ? std::string("one for each request") : "up to " + std::to_string(needed)) +
                         ": a connection for each request (--connection-reuse-strategy never) holds its port for " +
                         base::number_text(held_s) + " s where this side closes first",
                     remedy + ", or lower the rate"});
}

void check_memory(std::vector<Finding>& found, const LoadNeeds& needs, const MachineFacts& facts) {
    if (!facts.memory_bytes || needs.dataset_bytes <= *facts.memory_bytes) {
        return;
    }
    const bool certain = needs.dataset_bytes_least > *facts.memory_bytes;
    found.push_back(
        {certain ? Severity::refuse : Severity::warn,
         "memory",
         megabytes(*facts.memory_bytes) + (facts.memory_is_group ? " (left of the control group)" : ""),
         (certain ? "at least " + megabytes(needs.dataset_bytes_least) : "about " + megabytes(needs.dataset_bytes)) +
             " for the data set",
         "ask for fewer --num-dataset-entries or shorter prompts"});
}

void check_disk(std::vector<Finding>& found, const LoadNeeds& needs, const MachineFacts& facts) {
    if (!facts.disk_bytes || !needs.requests) {
        return;
    }
    const std::uint64_t likely = times(*needs.requests, needs.record_bytes);
    if (likely <= *facts.disk_bytes) {
        return;
    }
    const std::uint64_t least = times(*needs.requests, sizeof(record::Record));
    const bool certain = least > *facts.disk_bytes;
    found.push_back({certain ? Severity::refuse : Severity::warn,
                     "disk space for the journal",
                     megabytes(*facts.disk_bytes),
                     (certain ? "at least " + megabytes(least) : "about " + megabytes(likely)) + " for " +
                         std::to_string(*needs.requests) + " requests",
                     "name a larger disk in AIPERF_JOURNAL_DIR or ask for fewer requests"});
}

void check_cores(std::vector<Finding>& found, const LoadNeeds& needs, const MachineFacts& facts) {
    if (needs.workers > facts.cores) {
        found.push_back({Severity::warn,
                         "cores",
                         std::to_string(facts.cores),
                         std::to_string(needs.workers) + ", one for each worker",
                         "ask for fewer --workers-max: workers that wait for a core read late"});
    } else if (needs.loopback && needs.workers > 1 && needs.workers == facts.cores) {
        found.push_back({Severity::warn,
                         "cores",
                         std::to_string(facts.cores),
                         std::to_string(needs.workers) + " for the workers, and some for the server on this host",
                         "ask for fewer --workers-max: server and workers would wait for each other"});
    }
}

}  // namespace

LoadNeeds LoadNeeds::of(const config::RunConfig& resolved) {
    LoadNeeds needs;
    count_connections(needs, resolved);
    if (resolved.http_version != config::HttpVersion::v1_1) {
        needs.connections_certain = 0;  // many requests may share one
    }
    needs.source_addresses = static_cast<std::uint32_t>(std::max<std::size_t>(1, resolved.source_addresses.size()));
    needs.local_ports = !std::all_of(resolved.urls.begin(), resolved.urls.end(), is_unix_socket);
    needs.rate = resolved.request_rate;
    needs.requests = requests_of(resolved);
    needs.workers = std::max(1U, resolved.workers_max.value_or(1));
    needs.worker_processes = resolved.backend == config::Backend::process;
    needs.targets = static_cast<std::uint32_t>(std::max<std::size_t>(1, resolved.urls.size()));
    needs.fresh_connections = resolved.connection_reuse_strategy == config::ConnectionReuse::never;
    needs.loopback = std::any_of(resolved.urls.begin(), resolved.urls.end(), is_loopback);
    const std::uint64_t entries = resolved.num_dataset_entries.value_or(0);
    const std::uint64_t texts = times(entries, resolved.session_turns_mean);
    const std::uint64_t copies = resolved.has_turns() ? 2 : 1;  // the texts are kept beside the bodies
    needs.dataset_bytes = times(texts, add(times(resolved.isl_mean, copies * k_bytes_per_token), k_body_besides));
    needs.dataset_bytes_least =
        resolved.isl_stddev > 0 || resolved.session_turns_stddev > 0 ? entries : times(texts, resolved.isl_mean);
    const std::uint64_t answer = resolved.osl_mean.value_or(k_answer_tokens);
    const std::uint64_t per_token =
        (resolved.streaming ? sizeof(record::Event) : 0) + (resolved.use_server_token_count ? 0 : k_bytes_per_token);
    needs.record_bytes = add(sizeof(record::Record), times(answer, per_token));
    return needs;
}

std::string Finding::sentence() const {
    return what + ": " + value + ", and the run needs " + needed + "; " + remedy;
}

std::vector<Finding> preflight(const LoadNeeds& needs, const MachineFacts& facts) {
    std::vector<Finding> found;
    check_descriptors(found, needs, facts);
    check_ports(found, needs, facts);
    check_memory(found, needs, facts);
    check_disk(found, needs, facts);
    check_cores(found, needs, facts);
    std::stable_sort(
        found.begin(), found.end(), [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    return found;
}

std::uint64_t descriptors_wanted(const LoadNeeds& needs, const MachineFacts& facts) {
    return needs.connections
               ? add(of_a_process(needs, *needs.connections), add(facts.descriptors_open, k_descriptors_besides))
               : facts.descriptors_hard.value_or(0);
}

}  // namespace aiperf::control
