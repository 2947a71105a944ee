#include "aiperf/mock/json_text.hpp"

#include <nlohmann/json.hpp>

#include <charconv>
#include <cmath>

namespace aiperf::mock {

namespace {

void append_value(std::string& out, const nlohmann::ordered_json& value);

void append_object(std::string& out, const nlohmann::ordered_json& value) {
    out += '{';
    bool first = true;
    for (const auto& [key, member] : value.items()) {
        out += first ? "" : ", ";
        first = false;
        append_json_string(out, key);
        out += ": ";
        append_value(out, member);
    }
    out += '}';
}

void append_array(std::string& out, const nlohmann::ordered_json& value) {
    out += '[';
    bool first = true;
    for (const auto& member : value) {
        out += first ? "" : ", ";
        first = false;
        append_value(out, member);
    }
    out += ']';
}

void append_value(std::string& out, const nlohmann::ordered_json& value) {
    switch (value.type()) {
        case nlohmann::ordered_json::value_t::object: return append_object(out, value);
        case nlohmann::ordered_json::value_t::array: return append_array(out, value);
        case nlohmann::ordered_json::value_t::string:
            return append_json_string(out, value.get_ref<const std::string&>());
        case nlohmann::ordered_json::value_t::number_float: return append_python_float(out, value.get<double>());
        default: out += value.dump();
    }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    constexpr char k_hex[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            default:
                if (code < 0x20) {
                    out += "\\u00";
                    out += k_hex[code >> 4U];
                    out += k_hex[code & 0xfU];
                } else {
                    out += c;
                }
        }
    }
    out += '"';
}

std::string replace_invalid_utf8(std::string_view text) {
    const std::string quoted =
        nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    return nlohmann::json::parse(quoted).get<std::string>();
}

void append_python_float(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
        return;
    }
    char text[64];
    const auto scientific = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific);
    const std::string_view digits(text, static_cast<std::size_t>(scientific.ptr - text));
    int exponent = 0;
    const std::string_view power = digits.substr(digits.find('e') + 1);
    std::from_chars(power.data() + (power.front() == '+' ? 1 : 0), power.data() + power.size(), exponent);
    if (exponent < -4 || exponent >= 16) {
        out += digits;  // "1e-05" and "1.5e+16": both write at least two digits of the exponent
        return;
    }
    const auto fixed = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed);
    const std::string_view plain(text, static_cast<std::size_t>(fixed.ptr - text));
    out += plain;
    if (plain.find('.') == std::string_view::npos) {
        out += ".0";
    }
}

std::string to_python_json(const nlohmann::ordered_json& value) {
    std::string out;
    append_value(out, value);
    return out;
}

}  // namespace aiperf::mock
