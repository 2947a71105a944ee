#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/config/redact.hpp"
#include "aiperf/config/words.hpp"
#include "values.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <type_traits>

namespace aiperf::config {

namespace {

using Json = nlohmann::ordered_json;

constexpr int k_no_indent = -1;

std::string dump(const Json& json, int indent = k_no_indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// Turns the JSON value of a field into the texts a person would have typed; the text reader does the rest.
class Texts {
public:
    Texts(const Option& option, std::string_view label)
        : option_(option),
          label_(label) {}

    [[nodiscard]] std::vector<std::string> of(const Json& value) const {
        if (!option_.is_list()) {
            return {scalar(value)};
        }
        std::vector<std::string> texts;
        if (value.is_array()) {
            for (const Json& item : value) {
                texts.push_back(list_item(item));
            }
        } else {
            texts.push_back(list_item(value));
        }
        return texts;
    }

private:
    [[nodiscard]] std::string scalar(const Json& value) const {
        const auto text = std::visit([&](auto member) { return text_for(value, member); }, option_.member);
        if (!text) {
            refuse(option_, label_, option_.secret ? std::string(k_redacted) : dump(value));
        }
        return *text;
    }

    /// Headers may be ["Name", "value"], extra inputs an object; all lists hold texts.
    [[nodiscard]] std::string list_item(const Json& item) const {
        const bool header = option_.form == Form::header;
        if (item.is_string()) {
            return item.get<std::string>();
        }
        if (header && item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string()) {
            check_header(option_, label_, item[0].get<std::string>(), item[1].get<std::string>());
            return item[0].get<std::string>() + ":" + item[1].get<std::string>();
        }
        if (item.is_object() && (header || option_.form == Form::extra_input)) {
            return dump(item);
        }
        refuse(option_, label_, dump(item));
    }

    template <class Field>
    [[nodiscard]] static std::optional<std::string> text_for(const Json& value, Field RunConfig::*) {
        return text_of(value, static_cast<const Field*>(nullptr));
    }

    template <class Field>
    [[nodiscard]] static std::optional<std::string> text_of(const Json& value, const std::optional<Field>*) {
        return text_of(value, static_cast<const Field*>(nullptr));
    }

    template <class Field>
    [[nodiscard]] static std::optional<std::string> text_of(const Json& value, const Field*) {
        if constexpr (std::is_same_v<Field, bool>) {
            return value.is_boolean() ? std::optional(dump(value)) : std::nullopt;
        } else if constexpr (std::is_floating_point_v<Field>) {
            const bool infinite = value.is_string() && base::lower(value.get<std::string>()) == "inf";
            return value.is_number() ? std::optional(dump(value))
                   : infinite        ? std::optional(std::string("inf"))
                                     : std::nullopt;
        } else if constexpr (std::is_integral_v<Field>) {
            return integer(value);
        } else {
            return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
        }
    }

    /// Whole numbers only; 5.0 is one.
    [[nodiscard]] static std::optional<std::string> integer(const Json& value) {
        if (value.is_number_float()) {
            const double number = value.get<double>();
            const bool whole = std::trunc(number) == number && std::abs(number) < 1e15;
            return whole ? std::optional(std::to_string(static_cast<std::int64_t>(number))) : std::nullopt;
        }
        return value.is_number_integer() ? std::optional(dump(value)) : std::nullopt;
    }

    const Option& option_;
    std::string_view label_;
};

void set_from_json(RunConfig& config, const Option& option, const Json& value, std::string_view label) {
    if (value.is_null()) {
        const RunConfig defaults;
        std::visit([&](auto member) { config.*member = defaults.*member; }, option.member);
        return;
    }
    const std::vector<std::string> texts = Texts(option, label).of(value);
    set_from_text(config, option, texts, label);
}

template <class Field>
Json json_of(const Field& field) {
    if constexpr (std::is_enum_v<Field>) {
        return to_string(field);
    } else if constexpr (std::is_same_v<Field, double>) {
        return std::isinf(field) ? Json("inf") : Json(field);
    } else if constexpr (std::is_same_v<Field, NamedValues>) {
        Json list = Json::array();
        for (const auto& [name, value] : field) {
            list.push_back(Json::array({name, value}));
        }
        return list;
    } else {
        return field;
    }
}

template <class Field>
Json json_of(const std::optional<Field>& field) {
    return field ? json_of(*field) : Json(nullptr);
}

Json field_json(const RunConfig& config, const Option& option) {
    return std::visit([&](auto member) { return json_of(config.*member); }, option.member);
}

/// Python writes Infinity for what JSON has no number for.
Json parse(std::string_view text, std::string_view what) {
    if (text == "Infinity" || text == "inf") {
        return "inf";
    }
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) {
        throw base::ConfigError(std::string(what) + ": the text is not JSON");
    }
    return json;
}

RunConfig redacted(RunConfig config) {
    if (config.api_key) {
        config.api_key = k_redacted;
    }
    for (auto& [name, value] : config.headers) {
        if (is_secret_header(name)) {
            value = k_redacted;
        }
    }
    return config;
}

}  // namespace

NamedValues pairs_of_json_object(std::string_view text) {
    NamedValues pairs;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) {
        return pairs;
    }
    for (const auto& [name, value] : json.items()) {
        if (!value.is_string()) {
            return {};
        }
        pairs.emplace_back(name, value.get<std::string>());
    }
    return pairs;
}

bool is_json_object(std::string_view text) {
    return Json::parse(text, nullptr, false).is_object();
}

void set_from_json_text(RunConfig& config, std::string_view name, std::string_view json_text) {
    set_from_json(config, require_option(name), parse(json_text, name), name);
}

std::string get_as_json_text(const RunConfig& config, const Option& option) {
    return dump(field_json(config, option));
}

std::string to_json(const RunConfig& config, Secrets secrets) {
    const RunConfig shown = secrets == Secrets::redacted ? redacted(config) : config;
    Json json = Json::object();
    for (const Option& option : options()) {
        json[std::string(option.key)] = field_json(shown, option);
    }
    return dump(json, 2);
}

RunConfig from_json(std::string_view text) {
    const Json json = parse(text, "configuration");
    if (!json.is_object()) {
        throw base::ConfigError("configuration: a JSON object is needed");
    }
    RunConfig config;
    std::vector<const Option*> seen;
    for (const auto& [name, value] : json.items()) {
        const Option& option = require_option(name);
        for (const Option* const other : seen) {
            if (other == &option) {
                throw base::ConfigError(name + ": given twice (it is another name of " + std::string(option.key) + ")");
            }
        }
        seen.push_back(&option);
        set_from_json(config, option, value, name);
    }
    return config;
}

RunConfig from_redacted_json(std::string_view text) {
    Json json = parse(text, "configuration");
    const bool has_key = json.is_object() && json.contains("api_key") && json["api_key"] == k_redacted;
    if (has_key) {
        json.erase("api_key");
    }
    std::vector<std::size_t> hidden;
    const bool has_headers = json.is_object() && json.contains("headers") && json["headers"].is_array();
    for (std::size_t index = 0; has_headers && index < json["headers"].size(); ++index) {
        Json& header = json["headers"][index];
        if (header.is_array() && header.size() == 2 && header[1] == k_redacted) {
            header[1] = "";
            hidden.push_back(index);
        }
    }
    RunConfig config = from_json(dump(json));
    if (has_key) {
        config.api_key = k_redacted;
    }
    for (const std::size_t index : hidden) {
        config.headers.at(index).second = k_redacted;
    }
    return config;
}

}  // namespace aiperf::config
