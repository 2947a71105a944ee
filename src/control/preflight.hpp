#pragma once

#include "aiperf/config/run_config.hpp"
#include "machine_facts.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::control {

/// What a run will take, as far as its resolved configuration tells.
struct LoadNeeds {
    std::optional<std::uint64_t> connections;  ///< open at once, at most; absent: as many as the server is slow
    std::uint64_t connections_certain = 0;     ///< open at once for certain: of phases without a rate
    std::optional<double> rate;                ///< requests per second
    std::optional<std::uint64_t> requests;     ///< in all; absent: bound by time, without a rate
    std::uint32_t workers = 1;
    bool worker_processes = false;
    std::uint32_t targets = 1;           ///< URLs
    std::uint32_t source_addresses = 1;  ///< local addresses that connections are spread over
    bool local_ports = true;             ///< false: Unix sockets only
    bool fresh_connections = false;      ///< one for each request
    bool loopback = false;               ///< a target is on this host
    std::uint64_t dataset_bytes = 0;     ///< likely size of all bodies
    std::uint64_t dataset_bytes_least = 0;
    std::uint64_t record_bytes = 0;  ///< of one request in the journal, likely

    [[nodiscard]] static LoadNeeds of(const config::RunConfig& resolved);
};

enum class Severity : std::uint8_t { warn, refuse };

/// What would break a run, or may.
struct Finding {
    Severity severity = Severity::warn;
    std::string what;    ///< of what there is too little: "descriptors"
    std::string value;   ///< how much there is
    std::string needed;  ///< how much the run needs, and for what
    std::string remedy;  ///< what a person can do

    /// "descriptors: 1024, and the run needs 5080 (…); …"
    [[nodiscard]] std::string sentence() const;

    friend bool operator==(const Finding&, const Finding&) = default;
};

/// What of a run would break on a machine, refusals first. A pure function. `refuse` only where it breaks for certain.
[[nodiscard]] std::vector<Finding> preflight(const LoadNeeds& needs, const MachineFacts& facts);

/// Descriptors a process of the run will hold at most, what is open already included; where nobody can say, the hard
/// limit.
[[nodiscard]] std::uint64_t descriptors_wanted(const LoadNeeds& needs, const MachineFacts& facts);

}  // namespace aiperf::control
