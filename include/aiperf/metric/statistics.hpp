#pragma once

#include "aiperf/metric/summary.hpp"

#include <vector>

namespace aiperf::metric {

/// Statistics of `values`, each then multiplied by `factor` (> 0): percentiles by linear interpolation at q/100*(n-1),
/// population deviation in two passes. Reorders `values`. Precondition: not empty, no NaN. Linear in their number.
[[nodiscard]] Statistics describe(std::vector<double>& values, double factor);

/// Sum with compensation (Neumaier): the order of the values does not show in the result.
[[nodiscard]] double exact_sum(const std::vector<double>& values) noexcept;

}  // namespace aiperf::metric
