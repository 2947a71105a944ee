#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace aiperf::mock {

/// Appends `text` as a JSON string with quotes, escaping only what must be: UTF-8 stays as it is.
void append_json_string(std::string& out, std::string_view text);

/// The text with every byte that is not UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string replace_invalid_utf8(std::string_view text);

/// The value as Python's json.dumps(value, ensure_ascii=False) writes it: ", " and ": ", floats by Python's repr.
[[nodiscard]] std::string to_python_json(const nlohmann::ordered_json& value);

/// Appends a number as Python's repr writes a float: shortest digits that read back equal, 1.0, 1e-05, 1e+16.
void append_python_float(std::string& out, double value);

}  // namespace aiperf::mock
