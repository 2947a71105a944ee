#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace aiperf::metric {

/// The values that would stand at `ranks` (ascending, each below values.size()) if `values` were sorted. Changes the
/// order of `values`. In time about two passes over them where they are spread, and never slower than selection.
[[nodiscard]] std::vector<double> order_statistics(std::span<double> values, std::span<const std::size_t> ranks);

}  // namespace aiperf::metric
