#include "values.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/config/redact.hpp"
#include "aiperf/config/url.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace aiperf::config {

namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), is_control);
}

/// tchar of RFC 9110, section 5.6.2.
bool is_token_char(char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

/// "temperature:0.5,top_p:1" holds two members. A comma inside one value is no reason to refuse.
bool holds_two_members(std::string_view text) {
    const auto comma = text.find(',');
    if (comma == std::string_view::npos) {
        return false;
    }
    const std::string_view next = base::trim(text.substr(comma + 1));
    return is_token(next.substr(0, next.find(':'))) && next.find(':') != std::string_view::npos;
}

/// Checks the present value of one field.
class Checker {
public:
    explicit Checker(const Option& option)
        : option_(option),
          label_(option.label()) {}

    template <class Field>
    void operator()(const std::optional<Field>& field) const {
        if (field) {
            (*this)(*field);
        }
    }

    template <class Field>
    void operator()(const Field& field) const {
        if constexpr (std::is_same_v<Field, bool> || std::is_enum_v<Field>) {
            return;  // every value of the type is allowed
        } else if constexpr (std::is_same_v<Field, double>) {
            check_number(option_, label_, field, base::number_text(field));
        } else if constexpr (std::is_arithmetic_v<Field>) {
            check_number(option_, label_, static_cast<double>(field), std::to_string(field));
        } else if constexpr (std::is_same_v<Field, std::string>) {
            check_text(option_, label_, field);
        } else {
            for (const auto& item : field) {
                check_item(item);
            }
        }
    }

private:
    void check_item(const std::string& text) const { check_text(option_, label_, text); }

    void check_item(const std::pair<std::string, std::string>& header) const {
        check_header(option_, label_, header.first, header.second);
    }

    const Option& option_;
    std::string_view label_;
};

}  // namespace

void refuse(const Option& option, std::string_view label, std::string_view value, bool over_limit) {
    // A secret is not repeated, whatever is wrong with it.
    const std::string_view shown = option.secret && !value.empty() ? k_redacted : value;
    throw base::ConfigError(std::string(label), std::string(shown), option.allowed(over_limit));
}

void check_number(const Option& option, std::string_view label, double number, std::string_view text) {
    const Range& range = option.range;
    if (std::isinf(number) && number > 0 && range.infinity) {
        return;
    }
    const bool above = range.above_min ? number > range.min : number >= range.min;
    if (!std::isfinite(number) || !above || number > range.max) {
        refuse(option, label, text, std::isfinite(number) && number > range.max);
    }
}

void check_text(const Option& option, std::string_view label, std::string_view text) {
    switch (option.form) {
        case Form::url: (void)parse_url(text, label); return;
        case Form::extra_input: check_extra_input(option, label, text); return;
        case Form::token:
            if (!is_token(text)) {
                refuse(option, label, text);
            }
            return;
        case Form::ip_address:
            if (!is_ip_address(text)) {
                refuse(option, label, text);
            }
            return;
        case Form::plain:
        case Form::header:
        case Form::may_be_empty: break;
    }
    if (has_control(text) || (base::trim(text).empty() && option.form != Form::may_be_empty)) {
        refuse(option, label, text);
    }
    if (option.secret && text == k_redacted) {
        throw base::ConfigError(std::string(label) + ": " + std::string(k_redacted) +
                                " stands in place of the secret in files; give the secret itself");
    }
}

void check_header(const Option& option, std::string_view label, std::string_view name, std::string_view value) {
    const bool secret = is_secret_header(name);
    if (!is_token(name) || has_control(value)) {
        refuse(option, label, std::string(name).append(":").append(secret ? k_redacted : value));
    }
    if (secret && value == k_redacted) {
        throw base::ConfigError(std::string(label) + ": " + std::string(name) + ": " + std::string(k_redacted) +
                                " stands in place of the secret in files; give the secret itself");
    }
}

void check_extra_input(const Option& option, std::string_view label, std::string_view text) {
    if (base::trim(text).starts_with('{')) {
        if (!is_json_object(text)) {
            refuse(option, label, text);
        }
        return;
    }
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || base::trim(text.substr(0, colon)).empty() || has_control(text)) {
        refuse(option, label, text);
    }
    if (holds_two_members(text.substr(colon + 1))) {
        throw base::ConfigError(std::string(label) + ": '" + std::string(text) +
                                "' holds several members; repeat the flag, or give a JSON object");
    }
}

void check_field(const Option& option, const RunConfig& config) {
    const Checker checker(option);
    std::visit([&](auto member) { checker(config.*member); }, option.member);
}

}  // namespace aiperf::config
