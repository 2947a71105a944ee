#include "aiperf/base/clock.hpp"
#include "aiperf/config/run_config.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/metric/record_metrics.hpp"
#include "aiperf/report/calibration_json.hpp"
#include "aiperf/report/validity_json.hpp"
#include "bindings.hpp"
#include "finished_request.hpp"

#include <fmt/format.h>
#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace aiperf::bindings {

namespace {

using control::LivePercentiles;
using control::Result;
using control::Run;
using control::Snapshot;

// How long a waiting call may go without asking Python whether a signal has come.
constexpr base::Nanoseconds k_signal_interval = std::chrono::milliseconds(20);

// Longer waits than this (30 years) mean for ever.
constexpr double k_longest_wait_s = 1e9;

using Variables = std::map<std::string, std::string>;

control::Environment make_environment(Variables variables, std::filesystem::path working_directory) {
    control::Environment environment;
    environment.variables = std::move(variables);
    environment.working_directory = std::move(working_directory);
    return environment;
}

std::unique_ptr<Run> make_run(const config::RunConfig& config,
                              Variables variables,
                              std::filesystem::path working_directory,
                              const py::object& on_record) {
    control::Environment environment = make_environment(std::move(variables), std::move(working_directory));
    environment.on_record = record_sink(on_record);
    const py::gil_scoped_release free;
    return std::make_unique<Run>(config, std::move(environment));
}

Result recover(const std::filesystem::path& directory, Variables variables, std::filesystem::path working_directory) {
    return control::recover(directory, make_environment(std::move(variables), std::move(working_directory)));
}

Result reopen(const std::filesystem::path& directory, Variables variables, std::filesystem::path working_directory) {
    return control::reopen(directory, make_environment(std::move(variables), std::move(working_directory)));
}

std::filesystem::path journal_directory(const std::filesystem::path& directory,
                                        Variables variables,
                                        std::filesystem::path working_directory) {
    return control::journal_directory(directory, make_environment(std::move(variables), std::move(working_directory)));
}

using Column = std::vector<double>;

// Every metric of single requests as a column over all records; NaN where a record has no value.
std::map<std::string_view, Column> metric_columns(const Result& result) {
    std::map<std::string_view, Column> columns;
    if (result.records == nullptr) {
        return columns;
    }
    const auto records = result.records->records();
    const metric::Context context = control::context_of(result);
    for (std::size_t slot = 0; slot < records.size(); ++slot) {
        if (records[slot].state != static_cast<std::uint16_t>(record::State::committed)) {
            continue;
        }
        for (const metric::RecordMetric& metric : metric::record_metrics(*result.records, records[slot], context)) {
            if (metric.definition->kind == metric::Kind::record) {
                Column& column = columns[metric.definition->tag];
                column.resize(records.size(), std::numeric_limits<double>::quiet_NaN());
                column[slot] = metric.value;
            }
        }
    }
    return columns;
}

py::dict metric_arrays(const Result& result) {
    std::map<std::string_view, Column> columns;
    {
        const py::gil_scoped_release free;
        columns = metric_columns(result);
    }
    py::dict arrays;
    for (const auto& [tag, column] : columns) {
        arrays[py::str(tag.data(), tag.size())] =
            py::array_t<double>(static_cast<py::ssize_t>(column.size()), column.data());
    }
    return arrays;
}

// Waits without the GIL, asking for signals in between: a handler that raises (Ctrl-C) ends the wait.
bool wait_on(Run& run, bool (Run::*wait_for)(base::Nanoseconds), std::optional<double> timeout_s) {
    const auto seconds = std::clamp(timeout_s.value_or(k_longest_wait_s), 0.0, k_longest_wait_s);
    const base::Instant deadline =
        base::now() + std::chrono::duration_cast<base::Nanoseconds>(std::chrono::duration<double>(seconds));
    for (;;) {
        const base::Nanoseconds left = std::max(deadline - base::now(), base::Nanoseconds::zero());
        bool over = false;
        {
            const py::gil_scoped_release free;
            over = (run.*wait_for)(std::min(left, k_signal_interval));
        }
        if (PyErr_CheckSignals() != 0) {
            throw py::error_already_set();
        }
        if (over || left == base::Nanoseconds::zero()) {
            return over;
        }
    }
}

bool wait(Run& run, std::optional<double> timeout_s) {
    return wait_on(run, &Run::wait_for, timeout_s);
}

bool wait_closed(Run& run, std::optional<double> timeout_s) {
    return wait_on(run, &Run::wait_closed_for, timeout_s);
}

std::string describe(const Snapshot& self) {
    const std::string asked = self.requests_asked ? fmt::format(" of {}", *self.requests_asked) : std::string();
    return fmt::format("<Snapshot {}: {}{} done, {} in flight, {} errors, {:.1f} requests/s>",
                       self.phase,
                       self.completed,
                       asked,
                       self.in_flight,
                       self.errors,
                       self.requests_per_second);
}

void bind_snapshot(py::module_& module) {
    py::class_<LivePercentiles>(module, "LivePercentiles", "Percentiles so far, None without samples.")
        .def_readonly("p50_ms", &LivePercentiles::p50_ms, "Median so far, milliseconds.")
        .def_readonly("p99_ms", &LivePercentiles::p99_ms, "99th percentile so far, milliseconds.");

    py::class_<Snapshot>(module, "Snapshot", "A run as seen from outside at one moment.")
        .def_readonly("phase", &Snapshot::phase, "\"preparing\", \"warmup\", \"profiling\", \"exporting\" or \"done\".")
        .def_readonly("sent", &Snapshot::sent, "Requests whose first byte was written: completed and in flight.")
        .def_readonly("completed", &Snapshot::completed, "Requests that are over, errors included.")
        .def_readonly("errors", &Snapshot::errors, "Requests that failed, part of completed.")
        .def_readonly("in_flight", &Snapshot::in_flight, "Requests sent and not over.")
        .def_readonly("retries", &Snapshot::retries, "Requests sent anew on a fresh connection.")
        .def_readonly("requests_asked",
                      &Snapshot::requests_asked,
                      "Requests the phase is to make; None in one bound by duration alone.")
        .def_readonly(
            "duration_asked_s", &Snapshot::duration_asked_s, "Seconds the phase is to last; None without a limit.")
        .def_readonly("elapsed_s", &Snapshot::elapsed_s, "Seconds since the phase began.")
        .def_readonly("requests_per_second", &Snapshot::requests_per_second, "Completed over elapsed.")
        .def_readonly("eta_s", &Snapshot::eta_s, "Seconds the phase will still take; None where that is not known.")
        .def_readonly("time_to_first_token", &Snapshot::time_to_first_token, "Percentiles of the time to first token.")
        .def_readonly("inter_token_latency", &Snapshot::inter_token_latency, "Percentiles of the inter-token latency.")
        .def_property_readonly(
            "status",
            [](const Snapshot& self) { return control::to_string(self.status); },
            "\"running\", \"complete\", \"cancelled\" or \"incomplete\".")
        .def("__repr__", &describe);
}

void bind_result(py::module_& module) {
    py::class_<Result>(module, "Result", "What a finished run leaves.")
        .def_property_readonly("status", [](const Result& self) { return control::to_string(self.status); })
        .def_readonly("error", &Result::error)
        .def_readonly("error_type", &Result::error_type)
        .def_readonly("summary", &Result::summary)
        .def("validity_json", [](const Result& self) { return report::validity_text(self.validity); })
        .def("calibration_json",
             [](const Result& self) {
                 return self.calibration ? report::calibration_text(*self.calibration, self.summary) : std::string{};
             })
        .def_property_readonly(
            "records", [](const Result& self) { return std::const_pointer_cast<record::RecordSet>(self.records); })
        .def_readonly("artifact_directory", &Result::artifact_directory)
        .def_readonly("artifacts", &Result::artifacts)
        .def_property_readonly("exit_code", &Result::exit_code)
        .def_readonly("config", &Result::config)
        .def_readonly("benchmark_id", &Result::benchmark_id)
        .def("metric_columns", &metric_arrays, "By tag, the metrics of single requests; NaN where a record has none.")
        .def("console_text", &control::console_text, py::kw_only(), py::arg("width"), py::arg("ansi"));
}

void bind_run(py::module_& module) {
    const py::call_guard<py::gil_scoped_release> free;
    py::class_<Run>(module, "Run", "One benchmark.", py::release_gil_before_calling_cpp_dtor())
        .def(py::init(&make_run),
             py::arg("config"),
             py::arg("variables"),
             py::arg("working_directory"),
             py::arg("on_record") = py::none())
        .def("start", &Run::start, free)
        .def(
            "cancel", [](Run& self) { self.cancel(); }, free)
        .def("end_hold", &Run::end_hold, free)
        .def("wait_closed", &wait_closed, py::arg("timeout_s"), "True = the results server is closed too.")
        .def_property_readonly("api_url", &Run::api_url)
        .def_property_readonly("api_token", &Run::api_token)
        .def("where", &Run::where, free)
        .def("children", &Run::children, free)
        .def("abort", &Run::abort, free)
        .def("wait", &wait, py::arg("timeout_s"), "True = over. Python's signal handlers run meanwhile.")
        .def("snapshot", &Run::snapshot, free)
        .def(
            "result", [](Run& self) { return Result(self.result()); }, free, "Blocks; call wait() first.")
        .def_property_readonly("done", &Run::done)
        .def_property_readonly("config", [](const Run& self) { return self.config(); })
        .def_property_readonly("artifact_directory", &Run::artifact_directory);
}

}  // namespace

void bind_control(py::module_& module) {
    bind_snapshot(module);
    bind_result(module);
    bind_finished_request(module);
    bind_run(module);
    module.def("recover",
               &recover,
               py::arg("artifact_directory"),
               py::arg("variables"),
               py::arg("working_directory"),
               py::call_guard<py::gil_scoped_release>(),
               "Makes the artifacts of an interrupted run from its journal.");
    module.def("reopen",
               &reopen,
               py::arg("artifact_directory"),
               py::arg("variables"),
               py::arg("working_directory"),
               py::call_guard<py::gil_scoped_release>(),
               "Reads back what a run left from its journal; writes nothing.");
    module.def("journal_directory",
               &journal_directory,
               py::arg("artifact_directory"),
               py::arg("variables"),
               py::arg("working_directory"),
               "Where the journal of an artifact directory is, or would be.");
}

}  // namespace aiperf::bindings
