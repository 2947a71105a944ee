#pragma once

#include <string_view>

namespace aiperf::config {

/// Every flag of `aiperf profile`, negative forms included, separated by single blanks, sorted.
[[nodiscard]] std::string_view known_flags() noexcept;

}  // namespace aiperf::config
