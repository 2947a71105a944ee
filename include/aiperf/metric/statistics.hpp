#pragma once

#include "aiperf/metric/column.hpp"
#include "aiperf/metric/percentile_bounds.hpp"
#include "aiperf/metric/summary.hpp"

#include <array>
#include <cstddef>

namespace aiperf::metric {

/// Bounds of the percentiles, in the order of k_percentiles.
using Bounds = std::array<PercentileBounds, k_percentiles.size()>;

/// Those of a sample of `count` values.
[[nodiscard]] Bounds bounds_of(std::size_t count);

/// Statistics of a column, each then multiplied by `factor` (> 0): percentiles by linear interpolation at q/100*(n-1),
/// population deviation around the mean that `sum`, the column's, gives. Reorders what the column stores. Precondition:
/// not empty; `bounds` are those of its size. Linear in the number of values.
[[nodiscard]] Statistics describe(Column& column, double sum, double factor, const Bounds& bounds);

}  // namespace aiperf::metric
