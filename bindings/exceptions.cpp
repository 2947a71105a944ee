#include "aiperf/base/error.hpp"
#include "bindings.hpp"

#include <exception>

namespace py = pybind11;

namespace aiperf::bindings {

namespace {

PYBIND11_CONSTINIT py::gil_safe_call_once_and_store<py::object> config_error;
PYBIND11_CONSTINIT py::gil_safe_call_once_and_store<py::object> run_error;
PYBIND11_CONSTINIT py::gil_safe_call_once_and_store<py::object> process_error;

py::object make_exception(py::module_& module, const char* name, PyObject* base, const char* doc) {
    const std::string qualified = std::string("aiperf_cpp.") + name;
    auto type = py::reinterpret_steal<py::object>(PyErr_NewExceptionWithDoc(qualified.c_str(), doc, base, nullptr));
    if (!type) {
        throw py::error_already_set();
    }
    module.attr(name) = type;
    return type;
}

void set_config_error(const base::ConfigError& error) {
    const py::object& type = config_error.get_stored();
    py::object instance = type(error.what());
    instance.attr("field") = error.field();
    instance.attr("value") = error.value();
    instance.attr("allowed") = error.allowed();
    PyErr_SetObject(type.ptr(), instance.ptr());
}

void set_run_error(const base::RunError& error) {
    const bool of_process = dynamic_cast<const base::ProcessError*>(&error) != nullptr;
    const py::object& type = of_process ? process_error.get_stored() : run_error.get_stored();
    py::object instance = type(error.what());
    const auto* system = dynamic_cast<const base::SystemError*>(&error);
    instance.attr("errno") = system != nullptr ? py::object(py::int_(system->error_number())) : py::none();
    PyErr_SetObject(type.ptr(), instance.ptr());
}

void translate(std::exception_ptr thrown) {
    try {
        std::rethrow_exception(std::move(thrown));
    } catch (const base::ConfigError& error) {
        set_config_error(error);
    } catch (const base::RunError& error) {
        set_run_error(error);
    }
}

}  // namespace

void bind_exceptions(py::module_& module) {
    // Class attributes are the defaults of exceptions that Python code raises itself.
    config_error.call_once_and_store_result([&] {
        return make_exception(
            module,
            "ConfigError",
            PyExc_ValueError,
            "Bad input: `field`, `value` and `allowed` say what, empty where it is not about one value.");
    });
    run_error.call_once_and_store_result([&] {
        return make_exception(
            module,
            "RunError",
            PyExc_RuntimeError,
            "A run that could not be started, finished or exported. `errno` where the system said so; `result`: what "
            "there is of it.");
    });
    process_error.call_once_and_store_result([&] {
        return make_exception(
            module,
            "ProcessError",
            run_error.get_stored().ptr(),
            "A process of a run that did not start, or died before it was told to stop. `errno` and `result` as "
            "RunError has them.");
    });
    for (const char* name : {"field", "value", "allowed"}) {
        config_error.get_stored().attr(name) = "";
    }
    run_error.get_stored().attr("errno") = py::none();
    run_error.get_stored().attr("result") = py::none();
    py::register_exception_translator(&translate);
}

}  // namespace aiperf::bindings
