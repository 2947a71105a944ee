#include "aiperf/base/version.hpp"
#include "bindings.hpp"

namespace bindings = aiperf::bindings;

PYBIND11_MODULE(_core, module) {
    module.doc() = "The compiled part of aiperf_cpp. Private: use the package.";
    module.attr("__version__") = aiperf::base::version();
    bindings::bind_exceptions(module);
    bindings::bind_settings(module);
    bindings::bind_config(module);
    bindings::bind_record(module);
    bindings::bind_metric(module);
    bindings::bind_control(module);
}
