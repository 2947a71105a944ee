#pragma once

#include "aiperf/process/child_link.hpp"

#include <cstdint>
#include <filesystem>

namespace aiperf::control {

/// A worker's process: goes through the phases until it is sent home. Returns the exit code; throws base::Error.
[[nodiscard]] int work(process::ChildLink& link, std::uint32_t number, const std::filesystem::path& journal_directory);

/// The results server's process. Returns the exit code; throws base::Error.
[[nodiscard]] int serve_results(process::ChildLink& link);

}  // namespace aiperf::control
