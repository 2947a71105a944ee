#include "aiperf/metric/record_metrics.hpp"

#include <utility>

namespace aiperf::metric {
namespace {

bool exported_per_request(const Definition& definition) noexcept {
    const bool per_request = definition.kind == Kind::record || definition.kind == Kind::list;
    return per_request && !definition.has(metric_flag::hidden | metric_flag::run_only);
}

}  // namespace

std::vector<RecordMetric> record_metrics(const record::RecordSet& set,
                                         const record::Record& record,
                                         const Context& context) {
    const RecordView view(set, record, context);
    std::vector<RecordMetric> out;
    for (const Definition& definition : definitions()) {
        if (!exported_per_request(definition) || !definition.applies_to(view)) {
            continue;
        }
        if (definition.kind == Kind::record) {
            if (const auto value = definition.record(view)) {
                out.push_back({&definition, *value * definition.unit.factor, {}});
            }
            continue;
        }
        std::vector<double> values;
        definition.list(view, values);
        for (double& value : values) {
            value *= definition.unit.factor;
        }
        if (!values.empty()) {
            out.push_back({&definition, 0.0, std::move(values)});
        }
    }
    return out;
}

}  // namespace aiperf::metric
