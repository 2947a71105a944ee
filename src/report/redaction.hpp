#pragma once

#include "aiperf/config/run_config.hpp"

#include <string>
#include <string_view>

namespace aiperf::report {

/// What stands in artifacts where a credential was.
inline constexpr std::string_view k_redacted = "<redacted>";

/// Whether values of this header are credentials. Case does not matter.
[[nodiscard]] bool is_credential_header(std::string_view name);

/// The URL with any "user:password@" replaced.
[[nodiscard]] std::string redact_url(std::string url);

/// The text with every credential of the configuration replaced.
[[nodiscard]] std::string redact_text(std::string text, const config::RunConfig& config);

}  // namespace aiperf::report
