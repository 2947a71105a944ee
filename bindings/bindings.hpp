#pragma once

#include <pybind11/pybind11.h>

namespace aiperf::bindings {

// One function per folder of the library, called once by the module's initialisation.
void bind_exceptions(pybind11::module_& module);
void bind_settings(pybind11::module_& module);
void bind_config(pybind11::module_& module);
void bind_record(pybind11::module_& module);
void bind_metric(pybind11::module_& module);
void bind_control(pybind11::module_& module);

}  // namespace aiperf::bindings
