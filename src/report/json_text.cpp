#include "json_text.hpp"

#include "aiperf/report/number_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace aiperf::report {
namespace {

using Json = nlohmann::ordered_json;

void new_line(std::string& out, std::size_t indent, std::size_t depth) {
    if (indent != 0) {
        out += '\n';
        out.append(indent * depth, ' ');
    }
}

void append_object(std::string& out, const Json& value, std::size_t indent, std::size_t depth) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : value.items()) {
        out.append(first ? "" : ",");
        first = false;
        new_line(out, indent, depth + 1);
        append_json_string(out, key);
        out.append(indent != 0 ? ": " : ":");
        append_json(out, member, indent, depth + 1);
    }
    new_line(out, value.empty() ? 0 : indent, depth);
    out += '}';
}

void append_array(std::string& out, const Json& value, std::size_t indent, std::size_t depth) {
    out += '[';
    bool first = true;
    for (const Json& item : value) {
        out.append(first ? "" : ",");
        first = false;
        new_line(out, indent, depth + 1);
        append_json(out, item, indent, depth + 1);
    }
    new_line(out, value.empty() ? 0 : indent, depth);
    out += ']';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    const auto stands_for_itself = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
    if (std::all_of(text.begin(), text.end(), stands_for_itself)) {  // ids and words: nearly all there is
        out += '"';
        out.append(text) += '"';
        return;
    }
    out += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

void append_json(std::string& out, const Json& value, std::size_t indent, std::size_t depth) {
    switch (value.type()) {
        case Json::value_t::object: append_object(out, value, indent, depth); return;
        case Json::value_t::array: append_array(out, value, indent, depth); return;
        case Json::value_t::number_float: {
            const double number = value.get<double>();
            out += std::isfinite(number) ? float_repr(number) : "null";
            return;
        }
        default: out += value.dump(-1, ' ', false, Json::error_handler_t::replace); return;
    }
}

}  // namespace aiperf::report
