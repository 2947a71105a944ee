#pragma once

#include "aiperf/config/run_config.hpp"

#include <string>
#include <string_view>

namespace aiperf::report {

/// The URL with any "user:password@" replaced.
[[nodiscard]] std::string redact_url(std::string url);

/// The text with every credential of the configuration replaced.
[[nodiscard]] std::string redact_text(std::string text, const config::RunConfig& config);

}  // namespace aiperf::report
