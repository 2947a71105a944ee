#include "aiperf/config/options.hpp"
#include "aiperf/config/run_config.hpp"
#include "aiperf/config/words.hpp"
#include "bindings.hpp"

#include <pybind11/stl.h>

#include <string>
#include <type_traits>
#include <variant>

namespace py = pybind11;

namespace aiperf::bindings {

namespace {

using config::Option;
using config::RunConfig;

template <typename T>
struct Unwrapped {
    using type = T;
    static constexpr bool optional = false;
};

template <typename T>
struct Unwrapped<std::optional<T>> {
    using type = T;
    static constexpr bool optional = true;
};

template <typename T>
const char* type_word() {
    if constexpr (std::is_same_v<T, bool>) {
        return "bool";
    } else if constexpr (std::is_integral_v<T>) {
        return "int";
    } else if constexpr (std::is_floating_point_v<T>) {
        return "float";
    } else if constexpr (std::is_same_v<T, std::string>) {
        return "str";
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
        return "list";
    } else if constexpr (std::is_same_v<T, config::NamedValues>) {
        return "mapping";
    } else {
        static_assert(std::is_enum_v<T>);
        return "choice";
    }
}

template <typename T>
std::string choice_words() {
    if constexpr (std::is_enum_v<T>) {
        return config::all_words<T>();
    } else {
        return {};
    }
}

// Calls `f` with a value of the member's type inside optional<>, and whether there was one.
template <typename F>
auto with_type(const Option& option, F f) {
    return std::visit(
        [&]<typename T>(T RunConfig::*) {
            return f(std::type_identity<typename Unwrapped<T>::type>{}, Unwrapped<T>::optional);
        },
        option.member);
}

py::dict option_dict(const Option& option) {
    using namespace py::literals;
    const bool extra = option.form == config::Form::extra_input;
    const auto* const type =
        with_type(option, [&]<typename T>(std::type_identity<T>, bool) { return extra ? "extra" : type_word<T>(); });
    const auto optional = with_type(option, []<typename T>(std::type_identity<T>, bool is) { return is; });
    const auto choices = with_type(option, []<typename T>(std::type_identity<T>, bool) { return choice_words<T>(); });
    return py::dict("key"_a = option.key,
                    "flags"_a = option.flags,
                    "group"_a = option.group,
                    "type"_a = type,
                    "optional"_a = optional,
                    "choices"_a = choices,
                    "allowed"_a = option.allowed(),
                    "fallback"_a = option.fallback,
                    "help"_a = option.help,
                    "secret"_a = option.secret);
}

py::list options() {
    py::list result;
    for (const Option& option : config::options()) {
        result.append(option_dict(option));
    }
    return result;
}

std::string get(const RunConfig& self, std::string_view name) {
    return config::get_as_json_text(self, config::require_option(name));
}

std::string to_json(const RunConfig& self, bool redacted) {
    return config::to_json(self, redacted ? config::Secrets::redacted : config::Secrets::shown);
}

}  // namespace

void bind_config(py::module_& module) {
    module.def("options", &options, "The table of options: one dictionary each.");
    module.def(
        "option_key",
        [](std::string_view name) { return config::require_option(name).key; },
        py::arg("name"),
        "The field an option name stands for; ConfigError, with the nearest known name, for an unknown one.");

    py::class_<RunConfig>(module, "RunConfig", "What a person asks for, as one value.")
        .def(py::init<>())
        .def("__copy__", [](const RunConfig& self) { return self; })
        .def(
            "__eq__", [](const RunConfig& self, const RunConfig& other) { return self == other; }, py::arg("other"))
        .def("set",
             &config::set_from_json_text,
             py::arg("name"),
             py::arg("json_text"),
             "Sets a field from a JSON value.")
        .def("get", &get, py::arg("name"), "A field as a JSON value.")
        .def("to_json", &to_json, py::kw_only(), py::arg("redacted"), "All fields as one JSON object.")
        .def_static("from_json", &config::from_json, py::arg("text"), "Reads some or all fields from a JSON object.")
        .def_static("from_redacted_json",
                    &config::from_redacted_json,
                    py::arg("text"),
                    "The same where secrets are redacted, and stay so.")
        .def("validate", &config::validate, "Refuses fields that do not go together.")
        .def("warnings", &config::warnings, "What is allowed but will not do what it seems to: one line each.")
        .attr("__hash__") = py::none();
}

}  // namespace aiperf::bindings
