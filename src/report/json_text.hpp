#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace aiperf::report {

/// Appends a value as Python's json module lays it out: numbers by float_repr, `indent` spaces per level, or "," and
/// ":" alone where `indent` is 0. `depth` is the level the value stands at. Non-ASCII stays as it is; bytes that are
/// not UTF-8 become U+FFFD.
void append_json(std::string& out, const nlohmann::ordered_json& value, std::size_t indent, std::size_t depth = 0);

/// Appends a JSON string.
void append_json_string(std::string& out, std::string_view text);

}  // namespace aiperf::report
