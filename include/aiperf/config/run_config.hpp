#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aiperf::config {

/// The API of a server.
enum class EndpointType : std::uint8_t { chat, completions };

/// How the instants of requests are drawn.
enum class ArrivalPattern : std::uint8_t { constant, poisson, gamma, concurrency_burst };

/// Which of several addresses a session goes to.
enum class UrlStrategy : std::uint8_t { round_robin };

/// What a wait for the model asks the server.
enum class WaitForModelMode : std::uint8_t { models, inference, both };

/// Which requests may share a connection: any, none, those of one session.
enum class ConnectionReuse : std::uint8_t { pooled, never, sticky_user_sessions };

/// The oldest version of TLS that is spoken.
enum class TlsVersion : std::uint8_t { v1_2, v1_3 };

/// The version of HTTP that is spoken; automatic: 2 where the server offers it within TLS, else 1.1.
enum class HttpVersion : std::uint8_t { v1_1, v2, automatic };

/// How much of a run is written.
enum class ExportLevel : std::uint8_t { summary, records, raw };

/// What is shown while a run lasts.
enum class UiType : std::uint8_t { automatic, dashboard, simple, none };

/// Where the workers and the results server run: threads of this process, or supervised processes of their own.
enum class Backend : std::uint8_t { thread, process };

/// What becomes of a run whose worker dies.
enum class OnWorkerDeath : std::uint8_t { abort, go_on };

/// --fail-on: which verdict of a report makes the run fail.
enum class FailOn : std::uint8_t { none, suspect, invalid };

/// How much is logged.
enum class LogLevel : std::uint8_t { trace, debug, info, notice, warning, success, error, critical };

/// What a person asks for, as one value. Every field is a row of the table in config/options.hpp, which gives its
/// flags, its Python and JSON name (the field's own name), type, default, range and help.
///
/// *Thread safety*: a plain value.
struct RunConfig {
    // Endpoint
    std::vector<std::string> model_names;                 ///< at least one; the first serves every request
    std::vector<std::string> urls{"localhost:8000"};      ///< "http://" is added where there is no scheme
    UrlStrategy url_strategy = UrlStrategy::round_robin;  ///< which URL a session goes to
    EndpointType endpoint_type = EndpointType::chat;      ///< the API that is spoken
    std::optional<std::string> custom_endpoint;           ///< replaces the type's path; "" appends nothing
    bool streaming = false;                               ///< answers come as server-sent events
    std::optional<std::string> api_key;                   ///< sent as "Authorization: Bearer"
    double request_timeout_seconds = 21600.0;             ///< whole request; 0 = none
    ConnectionReuse connection_reuse_strategy = ConnectionReuse::pooled;  ///< which requests share a connection
    double wait_for_model_timeout = 0.0;  ///< seconds; 0 = the model is taken to be there
    WaitForModelMode wait_for_model_mode = WaitForModelMode::inference;  ///< what is asked while waiting
    double wait_for_model_interval = 5.0;                                ///< seconds between two questions
    bool use_legacy_max_tokens = false;         ///< chat: max_tokens, not max_completion_tokens
    bool use_server_token_count = false;        ///< counts from `usage`, no tokenizer
    std::optional<std::string> session_header;  ///< replaces X-Correlation-ID

    // Connections
    HttpVersion http_version = HttpVersion::v1_1;   ///< the version spoken
    std::uint32_t streams_per_connection = 100;     ///< HTTP/2: most requests at a time on a connection
    std::optional<std::string> tls_ca_file;         ///< authorities to trust (PEM) in place of the system's
    std::optional<std::string> tls_ca_directory;    ///< the same, a directory hashed as by `openssl rehash`
    std::optional<std::string> tls_certificate;     ///< of the client (PEM)
    std::optional<std::string> tls_key;             ///< absent: in the certificate's file
    TlsVersion tls_min_version = TlsVersion::v1_2;  ///< the oldest spoken
    std::vector<std::string> source_addresses;      ///< connections leave from these in turn; none = the system chooses
    std::uint32_t follow_redirects = 0;             ///< most redirects of one request; 0 = a redirect is an error

    // Input
    std::vector<std::pair<std::string, std::string>> headers;  ///< name and value, sent with every request
    std::vector<std::string> extra_inputs;                     ///< "key:value" or a JSON object, merged in order
    std::optional<std::uint64_t> random_seed;                  ///< absent = drawn anew for each run
    std::optional<std::uint64_t> num_dataset_entries;          ///< conversations; absent: num_sessions, or 100
    std::uint32_t isl_mean = 550;                              ///< input tokens, mean
    double isl_stddev = 0.0;                                   ///< tokens; 0 = all prompts are of one length
    std::optional<std::uint32_t> osl_mean;  ///< output tokens asked for; absent = no length field is sent
    double osl_stddev = 0.0;                ///< tokens; 0 = all ask for one length

    // Sessions: conversations of several turns, each turn a request with all that was said before
    std::optional<std::uint64_t> num_sessions;  ///< sessions to begin; absent: as many as the other bounds allow
    std::uint32_t session_turns_mean = 1;       ///< turns of a session, mean
    std::uint32_t session_turns_stddev = 0;     ///< turns; 0 = all sessions have as many
    double session_turn_delay_mean = 0.0;       ///< milliseconds from an answer to the next turn; 0 = none
    double session_turn_delay_stddev = 0.0;     ///< milliseconds; 0 = all delays are the same
    double session_delay_ratio = 1.0;           ///< delays are multiplied by it

    // Tokenizer
    std::optional<std::string> tokenizer;  ///< absent = the first model's name

    // Load
    std::optional<std::uint32_t> concurrency;  ///< sessions at a time; absent: 1 without a rate, unlimited with one
    std::optional<double> request_rate;        ///< requests per second
    std::optional<ArrivalPattern> arrival_pattern;   ///< absent: poisson (gamma where a smoothness is given)
    std::optional<double> arrival_smoothness;        ///< gamma's shape; CV = 1/sqrt(smoothness)
    std::optional<std::uint64_t> request_count;      ///< absent, and neither a duration nor a number of sessions: 10
    std::optional<double> benchmark_duration;        ///< seconds of sending
    std::optional<double> benchmark_grace_period;    ///< seconds for what is in flight after it; absent: 30; may be inf
    std::optional<double> failed_request_threshold;  ///< share of errors from 0 to 1 that ends the run; absent = none
    std::optional<std::uint32_t> workers_max;        ///< absent: from the cores, at most the concurrency

    // Warm-up: there is one where a count or a duration is given; what is absent is as in the profiling phase
    std::optional<std::uint64_t> warmup_request_count;     ///< requests
    std::optional<std::uint64_t> warmup_num_sessions;      ///< sessions
    std::optional<double> warmup_duration;                 ///< seconds of sending
    std::optional<std::uint32_t> warmup_concurrency;       ///< requests in flight
    std::optional<double> warmup_request_rate;             ///< requests per second
    std::optional<ArrivalPattern> warmup_arrival_pattern;  ///< as arrival_pattern
    std::optional<double> warmup_grace_period;             ///< seconds; absent: what is in flight may take any time

    // Processes
    std::optional<Backend> backend;                        ///< absent: thread; the program aiperf-cpp: process
    FailOn fail_on = FailOn::none;                         ///< verdict from which on the exit code is 3
    OnWorkerDeath on_worker_death = OnWorkerDeath::abort;  ///< end the run, or go on with the others

    // Results server
    std::optional<std::uint32_t> api_port;  ///< absent: AIPERF_API_SERVER_PORT, or no server; 0 = any free one
    std::optional<std::string> api_host;    ///< absent: AIPERF_API_SERVER_HOST
    std::optional<std::string> api_socket;  ///< path of a Unix socket to serve on, beside a port or without one
    bool api_linger = false;                ///< serve after the end until somebody says that it is enough

    // Output
    std::optional<std::string> artifact_directory;    ///< absent: named after model, API and load, in artifacts/
    ExportLevel export_level = ExportLevel::records;  ///< how much is written
    UiType ui = UiType::automatic;                    ///< what is shown while it runs
    LogLevel log_level = LogLevel::info;              ///< of what is logged
    std::string cli_command;                          ///< how the run was asked for; secrets already redacted

    /// True where requests are sent first that do not count.
    [[nodiscard]] bool has_warmup() const noexcept {
        return warmup_request_count || warmup_num_sessions || warmup_duration;
    }

    /// True where sessions may have several turns.
    [[nodiscard]] bool has_turns() const noexcept { return session_turns_mean > 1 || session_turns_stddev > 0; }

    friend bool operator==(const RunConfig&, const RunConfig&) = default;
};

}  // namespace aiperf::config
