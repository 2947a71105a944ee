#include "aiperf/base/text.hpp"
#include "aiperf/settings/settings.hpp"
#include "aiperf/settings/table.hpp"
#include "bindings.hpp"

#include <pybind11/stl.h>

#include <map>
#include <string>
#include <vector>

namespace py = pybind11;

namespace aiperf::bindings {

namespace {

using Variables = std::map<std::string, std::string>;

// A value as Python has it: the text of the table, read by the variable's kind; None = not set.
py::object typed(const settings::Variable& variable, const std::string& value) {
    if (value.empty()) {
        return py::none();
    }
    switch (variable.kind) {
        case settings::Kind::boolean: return py::bool_(base::parse_boolean(value).value_or(false));
        case settings::Kind::integer: return py::int_(py::str(value));
        case settings::Kind::number: return py::float_(py::str(value));
        case settings::Kind::list: return py::module_::import("json").attr("loads")(value);
        case settings::Kind::choice:
        case settings::Kind::text: break;
    }
    return py::str(value);
}

py::dict row_dict(const settings::Row& row) {
    const settings::Variable& variable = *row.variable;
    using namespace py::literals;
    return py::dict("name"_a = variable.name,
                    "group"_a = variable.group,
                    "value"_a = typed(variable, row.value),
                    "default"_a = typed(variable, std::string(variable.default_text)),
                    "allowed"_a = variable.allowed(),
                    "unit"_a = variable.unit,
                    "help"_a = variable.help,
                    "from_environment"_a = row.from_environment);
}

py::list rows(const Variables& environment) {
    py::list result;
    for (const settings::Row& row : settings::rows(environment)) {
        result.append(row_dict(row));
    }
    return result;
}

std::vector<std::string> warnings(const Variables& environment) {
    std::vector<std::string> lines;
    static_cast<void>(settings::Settings::from(environment, &lines));
    return lines;
}

}  // namespace

void bind_settings(py::module_& module) {
    module.def(
        "settings_rows", &rows, py::arg("environment"), "Every setting with the value it has in an environment.");
    module.def("settings_warnings",
               &warnings,
               py::arg("environment"),
               "One line for each AIPERF_* variable of an environment that has no effect.");
}

}  // namespace aiperf::bindings
