#include "finished_request.hpp"

#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace py = pybind11;

namespace aiperf::bindings {

namespace {

/// A finished request that stays: Python may keep it.
struct KeptRequest {
    explicit KeptRequest(const control::FinishedRequest& request)
        : index(request.slot),
          phase(request.phase),
          profiling(request.profiling),
          worker(request.record.worker),
          http_status(request.record.http_status),
          start_ns(request.measured.start_ns()),
          end_ns(request.measured.end_ns()),
          latency_ms(milliseconds(request.measured.latency_ns())),
          time_to_first_token_ms(milliseconds(request.measured.first_token_ns())),
          output_text(request.output_text),
          reasoning_text(request.reasoning_text),
          error(request.error) {}

    static std::optional<double> milliseconds(std::optional<std::int64_t> ns) {
        return ns ? std::optional(static_cast<double>(*ns) * 1e-6) : std::nullopt;
    }

    std::uint64_t index;
    std::string phase;
    bool profiling;
    std::uint16_t worker;
    std::uint16_t http_status;
    std::int64_t start_ns;
    std::int64_t end_ns;
    std::optional<double> latency_ms;
    std::optional<double> time_to_first_token_ms;
    std::string output_text;
    std::string reasoning_text;
    std::optional<record::ErrorDetails> error;
};

/// A server may send bytes that are no UTF-8.
py::str text(std::string_view bytes) {
    auto decoded = py::reinterpret_steal<py::str>(
        PyUnicode_DecodeUTF8(bytes.data(), static_cast<py::ssize_t>(bytes.size()), "replace"));
    if (!decoded) {
        throw py::error_already_set();
    }
    return decoded;
}

py::object error_text(const KeptRequest& request) {
    if (!request.error) {
        return py::none();
    }
    return text(request.error->type + ": " + request.error->message);
}

}  // namespace

std::function<void(const control::FinishedRequest&)> record_sink(const py::object& on_record) {
    if (on_record.is_none()) {
        return {};
    }
    // The last copy may go in a thread without the GIL.
    const std::shared_ptr<py::object> function(new py::object(on_record), [](py::object* last) {
        const py::gil_scoped_acquire gil;
        delete last;
    });
    return [function](const control::FinishedRequest& request) {
        const py::gil_scoped_acquire gil;
        try {
            (*function)(py::cast(KeptRequest(request)));
        } catch (const py::error_already_set& error) {
            throw std::runtime_error(error.what());  // the Python objects of `error` must not leave the GIL
        }
    };
}

void bind_finished_request(py::module_& module) {
    py::class_<KeptRequest>(module, "FinishedRequest", "One request that is over, as `on_record` gets it.")
        .def_readonly("index", &KeptRequest::index, "Its row in Result.records.")
        .def_readonly("phase", &KeptRequest::phase, "\"warmup\" or \"profiling\".")
        .def_readonly("profiling", &KeptRequest::profiling, "False: it does not feed the numbers.")
        .def_readonly("worker", &KeptRequest::worker, "Number of the worker that served it.")
        .def_readonly("http_status", &KeptRequest::http_status, "Of the answer; 0 without one.")
        .def_readonly("start_ns", &KeptRequest::start_ns, "Monotonic clock, nanoseconds.")
        .def_readonly("end_ns", &KeptRequest::end_ns, "Monotonic clock, nanoseconds.")
        .def_readonly("latency_ms", &KeptRequest::latency_ms, "Start to last content, milliseconds; None without any.")
        .def_readonly("time_to_first_token_ms",
                      &KeptRequest::time_to_first_token_ms,
                      "Start to first content, milliseconds; None without any.")
        .def_property_readonly(
            "output_text",
            [](const KeptRequest& self) { return text(self.output_text); },
            "Visible text, \"\" where it was not kept.")
        .def_property_readonly(
            "reasoning_text",
            [](const KeptRequest& self) { return text(self.reasoning_text); },
            "Thinking text, \"\" where it was not kept.")
        .def_property_readonly("error", &error_text, "Type and message; None for a good answer.")
        .def("__repr__", [](const KeptRequest& self) {
            return "<FinishedRequest " + std::to_string(self.index) + (self.error ? ": error>" : ">");
        });
}

}  // namespace aiperf::bindings
