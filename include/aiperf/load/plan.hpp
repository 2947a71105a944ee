#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/base/ids.hpp"
#include "aiperf/config/run_config.hpp"
#include "aiperf/dataset/dataset.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/load/socket.hpp"
#include "aiperf/load/target.hpp"
#include "aiperf/load/tls.hpp"
#include "aiperf/schedule/phase.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace aiperf::load {

/// Everything a run's workers need, fixed before the first request. Shared by all workers, read-only.
struct LoadPlan {
    std::vector<schedule::Phase> phases;                         ///< in order; warm-up first
    std::vector<Target> targets;                                 ///< session k goes to target k mod n
    std::shared_ptr<const dataset::Dataset> dataset;             ///< bodies
    const endpoint::Endpoint* endpoint = nullptr;                ///< reads the answers; outlives the plan
    endpoint::AnswerFrame answer_frame;                          ///< how answers stand in the history of later turns
    base::IdSource ids{0};                                       ///< of requests and sessions
    std::uint32_t workers = 1;                                   ///< how many
    bool keep_text = true;                                       ///< output text goes into the journal, and histories
    base::Nanoseconds request_timeout{0};                        ///< 0 = none; counts from the claim
    base::Nanoseconds connect_timeout{10'000'000'000};           ///< of one connection
    base::Nanoseconds idle_timeout = std::chrono::seconds(300);  ///< a connection idle for longer is not used again
    config::ConnectionReuse connection_reuse = config::ConnectionReuse::pooled;  ///< which requests share a connection
    std::optional<double> failed_request_threshold;  ///< share of errors above which profiling stops
    SocketOptions socket;                            ///< options of every connection
    std::vector<Address> sources;  ///< connections leave from these in turn; none = the system chooses
    TlsOptions tls;                ///< of the targets that are reached through it
    std::uint32_t streams = 100;   ///< HTTP/2: most requests at a time on a connection, where the server allows as many
    std::uint32_t connections_ahead = 100;  ///< most that a worker opens before a phase with a schedule; 0 = none
    std::uint32_t redirects = 0;            ///< most that one request follows; 0 = a redirect is an error
    base::Nanoseconds spin{0};              ///< before a planned send a worker does not sleep for so long
};

}  // namespace aiperf::load
