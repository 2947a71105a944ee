#include "aiperf/config/redact.hpp"

#include "aiperf/base/text.hpp"

#include <algorithm>
#include <array>

namespace aiperf::config {

namespace {

constexpr std::array<std::string_view, 10> k_secret_headers{"authorization",
                                                            "cookie",
                                                            "proxy-authorization",
                                                            "x-api-key",
                                                            "api-key",
                                                            "ocp-apim-subscription-key",
                                                            "x-goog-api-key",
                                                            "x-functions-key",
                                                            "aeg-sas-key",
                                                            "x-amz-security-token"};

constexpr std::string_view k_key_flag = "--api-key";

bool is_header_flag(std::string_view flag) {
    return flag == "--header" || flag == "-H";
}

/// True for "Authorization: x", and for a JSON object that names a secret header.
bool holds_secret_header(std::string_view value) {
    if (base::trim(value).starts_with('{')) {
        const std::string text = base::lower(value);
        return std::any_of(k_secret_headers.begin(), k_secret_headers.end(), [&](std::string_view name) {
            return text.find('"' + std::string(name) + '"') != std::string::npos;
        });
    }
    return is_secret_header(base::trim(value.substr(0, value.find(':'))));
}

/// The password of "http://user:password@host" hidden.
std::string without_password(std::string_view value) {
    const auto mark = value.find("://");
    if (mark == std::string_view::npos) {
        return std::string(value);
    }
    const auto end = value.find('/', mark + 3);
    const auto at = value.substr(0, end).rfind('@');
    if (at == std::string_view::npos) {
        return std::string(value);
    }
    return std::string(value.substr(0, mark + 3)).append(k_redacted).append(value.substr(at));
}

bool is_secret(std::string_view flag, std::string_view value) {
    return flag == k_key_flag || (is_header_flag(flag) && holds_secret_header(value));
}

/// AIPerf shows what Python would read as a number, a truth value or None without quotes.
std::string shown(std::string_view value) {
    const std::string word = base::lower(value);
    if (word == "none" || word == "null") {
        return "None";
    }
    if (word == "true" || word == "false") {
        return word == "true" ? "True" : "False";
    }
    const bool number = base::parse_number(value).has_value() && word.find_first_of("ein") == std::string::npos;
    return number ? std::string(value) : "'" + without_password(value) + "'";
}

/// A token that begins with a dash: a flag, or a flag and its value in one.
std::string shown_flag(std::string_view token) {
    const auto equals = token.find('=');
    if (equals != std::string_view::npos && is_secret(token.substr(0, equals), token.substr(equals + 1))) {
        return std::string(token.substr(0, equals + 1)).append(k_redacted);
    }
    if (token.starts_with("-H") && token.size() > 2 && is_secret("-H", token.substr(2))) {
        return std::string("-H").append(k_redacted);
    }
    return without_password(token);
}

bool is_flag(std::string_view token) {
    return token.size() > 1 && token.starts_with('-') && !base::parse_number(token);
}

}  // namespace

bool is_secret_header(std::string_view name) {
    const std::string wanted = base::lower(name);
    return std::find(k_secret_headers.begin(), k_secret_headers.end(), wanted) != k_secret_headers.end();
}

std::string redacted_command(std::span<const std::string> arguments) {
    std::string text = "aiperf-cpp";
    std::string_view flag;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& token = arguments[i];
        const bool value_of_key = flag == k_key_flag;
        text += ' ';
        if (i == 0) {
            text += token;
        } else if (is_flag(token) && !value_of_key) {
            text += shown_flag(token);
            flag = token;
        } else if (is_secret(flag, token)) {
            text.append("'").append(k_redacted).append("'");
            flag = value_of_key ? std::string_view{} : flag;
        } else {
            text += shown(token);
        }
    }
    return text;
}

}  // namespace aiperf::config
