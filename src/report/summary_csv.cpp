#include "aiperf/metric/definitions.hpp"
#include "aiperf/report/number_text.hpp"
#include "artifact_text.hpp"

#include <algorithm>
#include <cmath>

namespace aiperf::report {
namespace {

constexpr const char* k_line_end = "\r\n";

std::string name_of(const metric::Definition& definition) {
    const std::string_view unit = definition.unit.display;
    std::string out(definition.header);
    if (!unit.empty() && unit != "count" && unit != "requests") {
        out.append(" (").append(unit).append(")");
    }
    return out;
}

std::string cell(double value) {
    return std::isfinite(value) ? fixed2(value) : std::string{};
}

std::string distribution_row(const metric::Metric& metric) {
    const metric::Statistics& s = metric.statistics;
    std::string out = name_of(*metric.definition);
    for (const double value :
         {s.avg, s.min, s.max, s.sum, s.p1, s.p5, s.p10, s.p25, s.p50, s.p75, s.p90, s.p95, s.p99, s.std}) {
        out += ',' + cell(value);
    }
    return out + k_line_end;
}

}  // namespace

std::string summary_csv(const metric::Summary& summary) {
    std::vector<const metric::Metric*> sorted;
    for (const metric::Metric& metric : summary.metrics) {
        if (!metric.definition->has(metric::metric_flag::hidden)) {
            sorted.push_back(&metric);
        }
    }
    std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
        return a->definition->tag < b->definition->tag;
    });
    std::string distributions;
    std::string scalars;
    for (const metric::Metric* metric : sorted) {
        if (metric->statistics.scalar) {
            scalars += name_of(*metric->definition) + ',' + cell(metric->statistics.avg) + k_line_end;
        } else {
            distributions += distribution_row(*metric);
        }
    }
    std::string out;
    if (!distributions.empty()) {
        out.append("Metric,avg,min,max,sum,p1,p5,p10,p25,p50,p75,p90,p95,p99,std").append(k_line_end);
        out.append(distributions);
    }
    if (!scalars.empty()) {
        out.append(out.empty() ? "" : k_line_end).append("Metric,Value").append(k_line_end).append(scalars);
    }
    return out;
}

}  // namespace aiperf::report
