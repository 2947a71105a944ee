#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace aiperf::programs {

/// A box with a title for what must not be overlooked. ASCII text; as wide as the longest line.
[[nodiscard]] std::string panel(std::string_view title, std::initializer_list<std::string_view> lines);

}  // namespace aiperf::programs
