#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/base/ids.hpp"
#include "aiperf/config/run_config.hpp"
#include "aiperf/dataset/dataset.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/load/target.hpp"
#include "aiperf/schedule/phase.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace aiperf::load {

/// Socket options of the client's connections.
struct SocketOptions {
    int keepalive_idle_s = 60;      ///< seconds of silence before the first probe
    int keepalive_interval_s = 30;  ///< seconds between probes
    int keepalive_count = 1;        ///< probes without an answer that end it
    int user_timeout_ms = 30'000;   ///< milliseconds sent bytes may stay unacknowledged
    int receive_buffer_bytes = 0;   ///< 0 = the system's own, which adapts
    int send_buffer_bytes = 0;      ///< 0 = the system's own, which adapts
};

/// Everything a run's workers need, fixed before the first request. Shared by all workers, read-only.
struct LoadPlan {
    std::vector<schedule::Phase> phases;                         ///< in order; warm-up first
    std::vector<Target> targets;                                 ///< request k goes to target k mod n
    std::shared_ptr<const dataset::Dataset> dataset;             ///< bodies
    const endpoint::Endpoint* endpoint = nullptr;                ///< reads the answers; outlives the plan
    base::IdSource ids{0};                                       ///< of requests and sessions
    std::uint32_t workers = 1;                                   ///< how many
    bool keep_text = true;                                       ///< output text goes into the journal, to be counted
    base::Nanoseconds request_timeout{0};                        ///< 0 = none; counts from the claim
    base::Nanoseconds connect_timeout{10'000'000'000};           ///< of one connection
    base::Nanoseconds idle_timeout = std::chrono::seconds(300);  ///< a connection idle for longer is not used again
    config::ConnectionReuse connection_reuse = config::ConnectionReuse::pooled;  ///< which requests share a connection
    std::optional<double> failed_request_threshold;  ///< share of errors above which profiling stops
    SocketOptions socket;                            ///< options of every connection
};

}  // namespace aiperf::load
