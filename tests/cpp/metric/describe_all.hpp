#pragma once

#include "aiperf/metric/statistics.hpp"

#include <algorithm>
#include <vector>

namespace aiperf::test {

/// The statistics of plain values.
inline metric::Statistics describe_all(const std::vector<double>& values, double factor) {
    metric::Column column;
    std::for_each(values.begin(), values.end(), [&](double value) { column.add(value); });
    return metric::describe(column, column.sum(), factor, metric::bounds_of(values.size()));
}

}  // namespace aiperf::test
