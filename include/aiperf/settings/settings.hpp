#pragma once

#include "aiperf/base/clock.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::settings {

enum class IpVersion : std::uint8_t { v4, v6, any };

/// Connections to the target. A setting is named as its variable: http.so_rcvbuf is AIPERF_HTTP_SO_RCVBUF.
struct Http {
    base::Nanoseconds connect_timeout = std::chrono::seconds(10);     ///< name lookup not included
    base::Nanoseconds keepalive_timeout = std::chrono::seconds(300);  ///< idle pooled connections; 0 = not pooled
    IpVersion ip_version = IpVersion::v4;                             ///< addresses taken from a name
    int so_rcvbuf = 10485760;                                         ///< bytes
    int so_sndbuf = 10485760;                                         ///< bytes
    int tcp_keepcnt = 1;                                              ///< probes
    base::Nanoseconds tcp_keepidle = std::chrono::seconds(60);
    base::Nanoseconds tcp_keepintvl = std::chrono::seconds(30);
    base::Nanoseconds tcp_user_timeout = std::chrono::milliseconds(30000);
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

/// How many workers a run has where nobody says.
struct Worker {
    double cpu_utilization_factor = 0.75;  ///< share of the cores
    std::uint32_t max_workers_cap = 32;

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

/// The results server, and how long it outlives the benchmark.
struct ApiServer {
    std::optional<std::uint16_t> port;  ///< 1 to 65535; absent: no server, unless a flag names one
    std::string host = "127.0.0.1";     ///< address or name to listen on
    base::Nanoseconds post_complete_grace = std::chrono::seconds(5);  ///< hold after the terminal status; 0 = none
    base::Nanoseconds shutdown_timeout = std::chrono::seconds(5);     ///< for answers in flight when the hold is over

    friend bool operator==(const ApiServer&, const ApiServer&) = default;
};

/// The AIPERF_* environment as one immutable value. *Thread safety*: a plain value.
struct Settings {
    Http http;
    Endpoint endpoint;
    Worker worker;
    Ui ui;
    Journal journal;
    ApiServer api_server;

    /// Reads the AIPERF_* variables of `environment`; the others are not looked at. Throws base::ConfigError naming
    /// variable, value and range for a value that is not allowed. `warnings`, where given, gets one line for each
    /// variable that AIPerf has and that means nothing here, and for each unknown one (with the nearest known name).
    [[nodiscard]] static Settings from(const std::map<std::string, std::string>& environment,
                                       std::vector<std::string>* warnings = nullptr);

    friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace aiperf::settings
