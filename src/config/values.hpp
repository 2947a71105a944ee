#pragma once

#include "aiperf/config/options.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace aiperf::config {

/// Throws base::ConfigError naming `label`: the value is not among what the option allows.
[[noreturn]] void refuse(const Option& option, std::string_view label, std::string_view value, bool over_limit = false);

/// Checks one text of an option by its form. Throws as refuse().
void check_text(const Option& option, std::string_view label, std::string_view text);

/// Throws unless `number` is in the option's range.
void check_number(const Option& option, std::string_view label, double number, std::string_view text);

/// Checks the name and the value of a header. Throws as refuse().
void check_header(const Option& option, std::string_view label, std::string_view name, std::string_view value);

/// Checks one extra input: "key:value", or the text of a JSON object. Throws as refuse().
void check_extra_input(const Option& option, std::string_view label, std::string_view text);

/// The (name, value) pairs of a JSON object of texts; empty where `text` is no such object.
[[nodiscard]] NamedValues pairs_of_json_object(std::string_view text);

/// True for the text of a JSON object.
[[nodiscard]] bool is_json_object(std::string_view text);

/// Checks the value the option's field has now. Throws as refuse(), naming the option's first flag.
void check_field(const Option& option, const RunConfig& config);

}  // namespace aiperf::config
