#pragma once

#include <span>
#include <string>
#include <string_view>

namespace aiperf::config {

/// What stands in place of a secret in everything that is written.
inline constexpr std::string_view k_redacted = "<redacted>";

/// True for the nine headers that carry credentials (authorization, x-api-key, …), in any case.
[[nodiscard]] bool is_secret_header(std::string_view name);

/// The command line as artifacts show it: "aiperf-cpp profile -m 'model' --concurrency 2". Texts between single quotes,
/// flags and numbers as they are, the API key and the values of secret headers redacted. `arguments` begins with the
/// command ("profile").
[[nodiscard]] std::string redacted_command(std::span<const std::string> arguments);

}  // namespace aiperf::config
