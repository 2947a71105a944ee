#pragma once

#include "aiperf/base/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::settings {

/// Which addresses a name may give.
enum class IpVersion : std::uint8_t { v4, v6, any };

/// Connections to the target. A setting is named as its variable: http.so_rcvbuf is AIPERF_HTTP_SO_RCVBUF.
struct Http {
    base::Nanoseconds connect_timeout = std::chrono::seconds(10);     ///< name lookup not included
    base::Nanoseconds keepalive_timeout = std::chrono::seconds(300);  ///< idle pooled connections; 0 = not pooled
    std::uint32_t connections_ahead = 100;                            ///< of a worker, before a schedule; 0 = none
    IpVersion ip_version = IpVersion::v4;                             ///< addresses taken from a name
    int so_rcvbuf = 10485760;                                         ///< bytes
    int so_sndbuf = 10485760;                                         ///< bytes
    int tcp_keepcnt = 1;                                              ///< probes
    base::Nanoseconds tcp_keepidle = std::chrono::seconds(60);        ///< silence before the first probe
    base::Nanoseconds tcp_keepintvl = std::chrono::seconds(30);       ///< between probes
    base::Nanoseconds tcp_user_timeout = std::chrono::milliseconds(30000);  ///< sent bytes may stay unacknowledged
    bool ssl_verify = true;                                                 ///< certificates of https targets
    bool kernel_timestamps = true;                                          ///< ask the kernel when bytes arrived
    bool trust_env = false;                                ///< HTTP_PROXY and the like lead to the targets
    bool x_session_affinity_from_correlation_id = true;    ///< header X-Session-Affinity
    bool x_session_id_from_correlation_id = false;         ///< header X-Session-ID
    bool x_smg_routing_key_from_correlation_id = false;    ///< header X-SMG-Routing-Key
    bool x_dynamo_session_id_from_correlation_id = false;  ///< header X-Dynamo-Session-ID

    friend bool operator==(const Http&, const Http&) = default;
};

/// Request bodies.
struct Endpoint {
    bool force_content_parts = false;  ///< chat: content as a list of parts, also where it is one text

    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// The workers of a run: how many where nobody says, and when one counts as silent.
struct Worker {
    double cpu_utilization_factor = 0.75;                     ///< share of the cores
    std::uint32_t max_workers_cap = 32;                       ///< workers, at most
    base::Nanoseconds stale_time = std::chrono::seconds(10);  ///< silence after which one is shown as stale
    base::Nanoseconds spin{0};  ///< before a planned send a worker does not sleep for so long; 0 = it always sleeps

    friend bool operator==(const Worker&, const Worker&) = default;
};

/// What people see.
struct Ui {
    std::uint32_t console_export_width = 140;  ///< columns of the final tables where the output is no terminal

    friend bool operator==(const Ui&, const Ui&) = default;
};

/// Where records are kept while a run lasts.
struct Journal {
    std::optional<std::string> dir;  ///< absent: in the artifact directory

    friend bool operator==(const Journal&, const Journal&) = default;
};

/// What is kept between runs.
struct Cache {
    std::optional<std::string> dir;  ///< absent: aiperf-cpp below XDG_CACHE_HOME, or below HOME/.cache

    friend bool operator==(const Cache&, const Cache&) = default;
};

/// Processes of a run.
struct Process {
    std::optional<std::string> helper;  ///< AIPERF_HELPER: the program they run in; absent: found beside the library

    friend bool operator==(const Process&, const Process&) = default;
};

/// The whole of an ending that somebody outside has commanded.
struct Stop {
    base::Nanoseconds timeout = std::chrono::seconds(25);  ///< from SIGTERM to the exit

    friend bool operator==(const Stop&, const Stop&) = default;
};

/// What is asked of each supervised process.
struct Service {
    base::Nanoseconds registration_timeout = std::chrono::seconds(30);      ///< for a process to present itself
    base::Nanoseconds task_cancel_timeout_short = std::chrono::seconds(2);  ///< told to stop, to SIGTERM; to SIGKILL

    friend bool operator==(const Service&, const Service&) = default;
};

/// The ends of phases.
struct Timing {
    base::Nanoseconds cancel_drain_timeout = std::chrono::seconds(10);  ///< for workers to close what is in flight

    friend bool operator==(const Timing&, const Timing&) = default;
};

/// The results server, and how long it outlives the benchmark.
struct ApiServer {
    std::optional<std::uint16_t> port;  ///< 1 to 65535; absent: no server, unless a flag names one
    std::string host = "127.0.0.1";     ///< address or name to listen on
    base::Nanoseconds post_complete_grace = std::chrono::seconds(5);  ///< hold after the terminal status; 0 = none
    base::Nanoseconds shutdown_timeout = std::chrono::seconds(5);     ///< for answers in flight when the hold is over
    base::Nanoseconds shutdown_response_delay = std::chrono::milliseconds(500);  ///< POST /api/shutdown to its effect
    bool post_complete_ack = false;  ///< the hold ends once every client that had asked knows how the run ended
    base::Nanoseconds post_complete_grace_max{};  ///< hold for one that asked lately and does not know; 0 = the grace
    bool token_wanted = true;                     ///< of clients, on any address but loopback
    std::optional<std::string> token;             ///< absent: one is made where one is wanted
    std::vector<std::string> cors_origins;        ///< pages that may read answers; "*": all
    std::optional<std::string> tls_cert;          ///< PEM file; absent: no TLS
    std::optional<std::string> tls_key;           ///< PEM file; absent: the certificate's
    std::size_t websocket_max_connections = 100;  ///< clients of live streams at a time

    friend bool operator==(const ApiServer&, const ApiServer&) = default;
};

/// How the results server compresses bodies for clients that ask for it.
struct Compression {
    std::size_t chunk_size = 65536;  ///< bytes of a body that are compressed in one go
    int zstd_level = 3;              ///< 1 to 22
    int gzip_level = 6;              ///< 1 to 9

    friend bool operator==(const Compression&, const Compression&) = default;
};

/// Of the verdict on a run.
struct Validity {
    std::string thresholds;  ///< "name=suspect:invalid,…" as validity::thresholds_from() reads it; empty = the defaults

    friend bool operator==(const Validity&, const Validity&) = default;
};

/// The AIPERF_* environment as one immutable value. *Thread safety*: a plain value.
struct Settings {
    Http http;                ///< AIPERF_HTTP_*
    Endpoint endpoint;        ///< AIPERF_ENDPOINT_*
    Worker worker;            ///< AIPERF_WORKER_*
    Ui ui;                    ///< AIPERF_UI_*
    Journal journal;          ///< AIPERF_JOURNAL_*
    Cache cache;              ///< AIPERF_CACHE_*
    Process process;          ///< AIPERF_HELPER
    Stop stop;                ///< AIPERF_STOP_*
    Service service;          ///< AIPERF_SERVICE_*
    Timing timing;            ///< AIPERF_TIMING_*
    ApiServer api_server;     ///< AIPERF_API_SERVER_*
    Compression compression;  ///< AIPERF_COMPRESSION_*
    Validity validity;        ///< AIPERF_VALIDITY_*

    /// Reads the AIPERF_* variables of `environment`; the others are not looked at. Throws base::ConfigError naming
    /// variable, value and range for a value that is not allowed. `warnings`, where given, gets one line for each
    /// variable that AIPerf has and that means nothing here, and for each unknown one (with the nearest known name).
    [[nodiscard]] static Settings from(const std::map<std::string, std::string>& environment,
                                       std::vector<std::string>* warnings = nullptr);

    friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace aiperf::settings
