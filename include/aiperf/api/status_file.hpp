#pragma once

#include "aiperf/report/atomic_file.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace aiperf::api {

inline constexpr const char* k_status_file = "status.json";  ///< how the run ended, in the artifact directory
inline constexpr const char* k_api_file = "api.json";  ///< where its results server listens, in the artifact directory

/// Writes RunState::status_body() as status.json, whole or not at all. Throws base::SystemError.
void write_status_file(const std::filesystem::path& directory,
                       std::string_view body,
                       report::Durable durable = report::Durable::yes);

/// Where a results server listens.
struct Endpoint {
    std::string url;         ///< "http://host:port"
    std::string host;        ///< it listens on; empty: no TCP
    std::uint16_t port = 0;  ///< 1 to 65535; 0: it has none
    std::string socket;      ///< path of its Unix socket; empty: it has none
    std::int64_t pid = 0;    ///< of the process that listens
    std::string run_id;      ///< 12 hexadecimal digits
};

/// Writes api.json, whole or not at all; it is worth nothing once the machine has failed. Throws base::SystemError.
void write_api_file(const std::filesystem::path& directory, const Endpoint& endpoint);

}  // namespace aiperf::api
