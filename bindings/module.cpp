#include "aiperf/base/version.hpp"
#include "bindings.hpp"

namespace bindings = aiperf::bindings;

namespace {

// Exceptions and classes are kept once per process, so a second interpreter may not have them. Python refuses it by
// itself from 3.12 on, in interpreters with a GIL of their own.
bool in_first_interpreter() {
    return PyInterpreterState_Get() == PyInterpreterState_Main();
}

constexpr const char* k_refusal = "aiperf_cpp cannot be imported in a subinterpreter; import it in the main one";

}  // namespace

// The GIL is needed: a free-threaded Python switches it on when it imports this.
PYBIND11_MODULE(_core_of_one, module, pybind11::mod_gil_used(), pybind11::multiple_interpreters::not_supported()) {
    if (!in_first_interpreter()) {
        throw pybind11::import_error(k_refusal);
    }
    module.doc() = "The compiled part of aiperf_cpp. Private: use the package.";
    module.attr("__version__") = aiperf::base::version();
    bindings::bind_exceptions(module);
    bindings::bind_settings(module);
    bindings::bind_config(module);
    bindings::bind_record(module);
    bindings::bind_metric(module);
    bindings::bind_control(module);
}

// What Python calls. Asked here, before pybind11 takes the GIL: up to 3.11 that hangs in a subinterpreter.
extern "C" PYBIND11_EXPORT PyObject* PyInit__core();

PyObject* PyInit__core() {
    if (!in_first_interpreter()) {
        PyErr_SetString(PyExc_ImportError, k_refusal);
        return nullptr;
    }
    return PyInit__core_of_one();
}
