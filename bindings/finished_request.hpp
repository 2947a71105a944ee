#pragma once

#include "aiperf/control/finished_request.hpp"

#include <pybind11/pybind11.h>

#include <functional>

namespace aiperf::bindings {

/// What calls a Python function for each finished request, on the thread it is called from; empty for None. What the
/// function raises is thrown as std::runtime_error.
[[nodiscard]] std::function<void(const control::FinishedRequest&)> record_sink(const pybind11::object& on_record);

/// The class FinishedRequest.
void bind_finished_request(pybind11::module_& module);

}  // namespace aiperf::bindings
