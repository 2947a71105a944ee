#pragma once

#include "aiperf/metric/definitions.hpp"
#include "aiperf/metric/summary.hpp"
#include "aiperf/record/record_set.hpp"

#include <vector>

namespace aiperf::metric {

/// A request's value of one metric, in the metric's display unit.
struct RecordMetric {
    const Definition* definition = nullptr;  ///< static storage
    double value = 0.0;                      ///< kind record
    std::vector<double> values;              ///< kind list; never empty then
};

/// The metrics of one request that have a value, in display order; those of a failed one are the error metrics. What
/// per-request exports hold: neither hidden metrics nor those of runs alone. Any phase.
[[nodiscard]] std::vector<RecordMetric> record_metrics(const record::RecordSet& set,
                                                       const record::Record& record,
                                                       const Context& context);

}  // namespace aiperf::metric
