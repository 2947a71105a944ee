#pragma once

#include <string_view>

namespace aiperf::settings {

/// Every environment variable AIPerf reads, without the "AIPERF_" in front, separated by single blanks, sorted.
[[nodiscard]] std::string_view known_names() noexcept;

}  // namespace aiperf::settings
