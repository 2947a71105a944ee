#include "aiperf/base/text.hpp"
#include "aiperf/metric/definitions.hpp"
#include "aiperf/metric/summary.hpp"
#include "bindings.hpp"

#include <pybind11/stl.h>

#include <cmath>
#include <optional>

namespace py = pybind11;

namespace aiperf::bindings {

namespace {

using metric::Metric;
using metric::Statistics;
using metric::Summary;

// A statistic beyond the average: a scalar has none.
template <auto Member>
py::object statistic(const Metric& metric) {
    return metric.statistics.scalar ? py::object(py::none()) : py::cast(metric.statistics.*Member);
}

template <auto Member>
void def_statistic(py::class_<Metric>& type, const char* name) {
    type.def_property_readonly(name, &statistic<Member>);
}

// By the name of the percentile, (low, high); None is a side without a bound. A scalar has none at all.
py::object intervals(const Metric& metric) {
    if (metric.statistics.scalar) {
        return py::none();
    }
    const auto bound = [](double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; };
    py::dict by_name;
    for (std::size_t i = 0; i < metric::k_percentiles.size(); ++i) {
        const metric::Interval& interval = metric.statistics.intervals[i];
        by_name[py::str("p" + base::number_text(metric::k_percentiles[i]))] =
            py::make_tuple(bound(interval.low), bound(interval.high));
    }
    return by_name;
}

void bind_metric_class(py::module_& module) {
    py::class_<Metric> type(module, "Metric", "One metric of a run, in its display unit.");
    type.def_property_readonly("tag", [](const Metric& metric) { return metric.definition->tag; })
        .def_property_readonly("header", [](const Metric& metric) { return metric.definition->header; })
        .def_property_readonly("unit", [](const Metric& metric) { return metric.definition->unit.display; })
        .def_property_readonly("scalar", [](const Metric& metric) { return metric.statistics.scalar; })
        .def_property_readonly("avg", [](const Metric& metric) { return metric.statistics.avg; });
    def_statistic<&Statistics::min>(type, "min");
    def_statistic<&Statistics::max>(type, "max");
    def_statistic<&Statistics::std>(type, "std");
    def_statistic<&Statistics::p1>(type, "p1");
    def_statistic<&Statistics::p5>(type, "p5");
    def_statistic<&Statistics::p10>(type, "p10");
    def_statistic<&Statistics::p25>(type, "p25");
    def_statistic<&Statistics::p50>(type, "p50");
    def_statistic<&Statistics::p75>(type, "p75");
    def_statistic<&Statistics::p90>(type, "p90");
    def_statistic<&Statistics::p95>(type, "p95");
    def_statistic<&Statistics::p99>(type, "p99");
    def_statistic<&Statistics::count>(type, "count");
    def_statistic<&Statistics::sum>(type, "sum");
    type.def_property_readonly("intervals", &intervals);
}

}  // namespace

void bind_metric(py::module_& module) {
    module.def(
        "metric_headers",
        [] {
            py::dict headers;
            for (const metric::Definition& definition : metric::definitions()) {
                headers[py::str(definition.tag.data(), definition.tag.size())] = definition.header;
            }
            return headers;
        },
        "By tag, the header of every metric there may be, in display order.");
    module.def(
        "metric_units",
        [] {
            py::dict units;
            for (const metric::Definition& definition : metric::definitions()) {
                units[py::str(definition.tag.data(), definition.tag.size())] = definition.unit.display;
            }
            return units;
        },
        "By tag, the display unit of every metric there may be.");
    bind_metric_class(module);

    py::class_<metric::ErrorCount>(module, "ErrorCount", "How often one error happened.")
        .def_property_readonly("code",
                               [](const metric::ErrorCount& error) -> std::optional<int> {
                                   return error.details.code == 0 ? std::nullopt : std::optional(error.details.code);
                               })
        .def_property_readonly("type", [](const metric::ErrorCount& error) { return error.details.type; })
        .def_property_readonly("message", [](const metric::ErrorCount& error) { return error.details.message; })
        .def_readonly("count", &metric::ErrorCount::count);

    py::class_<Summary>(module, "Summary", "The numbers of a run.")
        .def_readonly("metrics", &Summary::metrics)
        .def_readonly("errors", &Summary::errors)
        .def_readonly("valid", &Summary::valid)
        .def_readonly("failed", &Summary::failed)
        .def_readonly("start_wall_ns", &Summary::start_wall_ns)
        .def_readonly("end_wall_ns", &Summary::end_wall_ns);
}

}  // namespace aiperf::bindings
