#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace aiperf::api {

inline constexpr const char* k_status_file = "status.json";
inline constexpr const char* k_api_file = "api.json";

/// Writes RunState::status_body() as status.json: beside, synced, renamed. Throws base::SystemError.
void write_status_file(const std::filesystem::path& directory, std::string_view body);

/// Where a results server listens.
struct Endpoint {
    std::string url;
    std::string host;
    std::uint16_t port = 0;
    std::int64_t pid = 0;
    std::string run_id;
};

/// Writes api.json, the same way.
void write_api_file(const std::filesystem::path& directory, const Endpoint& endpoint);

}  // namespace aiperf::api
