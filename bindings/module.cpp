#include "aiperf/base/version.hpp"
#include "bindings.hpp"

namespace bindings = aiperf::bindings;

// The GIL is needed: a free-threaded Python switches it on when it imports this. Exceptions and classes are kept once
// per process, so a second interpreter may not have them.
PYBIND11_MODULE(_core, module, pybind11::mod_gil_used(), pybind11::multiple_interpreters::not_supported()) {
    module.doc() = "The compiled part of aiperf_cpp. Private: use the package.";
    module.attr("__version__") = aiperf::base::version();
    bindings::bind_exceptions(module);
    bindings::bind_settings(module);
    bindings::bind_config(module);
    bindings::bind_record(module);
    bindings::bind_metric(module);
    bindings::bind_control(module);
}
