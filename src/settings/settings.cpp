#include "aiperf/settings/settings.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/settings/table.hpp"
#include "known_names.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace aiperf::settings {

namespace {

constexpr std::string_view k_prefix = "AIPERF_";
constexpr std::string_view k_hidden = "<redacted>";

[[noreturn]] void refuse(const Variable& variable, const std::string& text) {
    throw base::ConfigError(std::string(variable.name), text, variable.allowed());
}

std::vector<std::string> read_list(const Variable& variable, const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    std::vector<std::string> list;
    if (!json.is_array()) {
        refuse(variable, text);
    }
    for (const auto& item : json) {
        if (!item.is_string()) {
            refuse(variable, text);
        }
        list.push_back(item);
    }
    return list;
}

double read_number(const Variable& variable, const std::string& text) {
    const bool whole = variable.kind == Kind::integer;
    const auto number = base::parse_number(text);
    // NaN fails both comparisons.
    if (!number || (whole && !base::looks_like_integer(text)) ||
        !(*number >= variable.min && *number <= variable.max)) {
        refuse(variable, text);
    }
    return *number;
}

std::string_view read_choice(const Variable& variable, const std::string& text) {
    for (const std::string_view word : base::split(variable.choices, ' ')) {
        if (word == base::lower(text)) {
            return word;
        }
    }
    refuse(variable, text);
}

Value read(const Variable& variable, const std::string& text) {
    Value value;
    if (text.empty()) {
        refuse(variable, text);
    }
    switch (variable.kind) {
        case Kind::boolean: {
            const auto flag = base::parse_boolean(text);
            if (!flag) {
                refuse(variable, text);
            }
            value.boolean = *flag;
            break;
        }
        case Kind::integer:
        case Kind::number: value.number = read_number(variable, text); break;
        case Kind::choice: value.text = read_choice(variable, text); break;
        case Kind::text: value.text = text; break;
        case Kind::list: value.list = read_list(variable, text); break;
    }
    return value;
}

/// Names that may have been meant: this program's first, then all of AIPerf's.
std::vector<std::string> all_names() {
    std::vector<std::string> names;
    for (const Variable& variable : variables()) {
        names.emplace_back(variable.name);
    }
    for (const std::string_view name : base::split(known_names(), ' ')) {
        names.push_back(std::string(k_prefix).append(name));
    }
    return names;
}

std::string describe_stranger(const std::string& name) {
    const std::vector<std::string> names = all_names();
    if (std::find(names.begin(), names.end(), name) != names.end()) {
        return name + " has no effect: this program has nothing it would change";
    }
    const std::vector<std::string_view> views(names.begin(), names.end());
    const auto near = base::nearest(name, views);
    return name + " is unknown and has no effect" +
           (near ? "; did you mean " + std::string(*near) + "?" : std::string{});
}

}  // namespace

Settings Settings::from(const std::map<std::string, std::string>& environment, std::vector<std::string>* warnings) {
    Settings settings;
    for (const Variable& variable : variables()) {
        if (const auto found = environment.find(std::string(variable.name)); found != environment.end()) {
            variable.apply(settings, read(variable, found->second));
        }
    }
    if (warnings == nullptr) {
        return settings;
    }
    for (auto it = environment.lower_bound(std::string(k_prefix));
         it != environment.end() && it->first.starts_with(k_prefix);
         ++it) {
        const bool known = std::any_of(variables().begin(), variables().end(), [&](const Variable& variable) {
            return variable.name == it->first;
        });
        if (!known) {
            warnings->push_back(describe_stranger(it->first));
        }
    }
    return settings;
}

std::vector<Row> rows(const std::map<std::string, std::string>& environment) {
    std::vector<Row> result;
    for (const Variable& variable : variables()) {
        Row row{&variable, std::string(variable.default_text), false};
        if (const auto found = environment.find(std::string(variable.name)); found != environment.end()) {
            (void)read(variable, found->second);
            row.value = variable.secret ? std::string(k_hidden) : found->second;
            row.from_environment = true;
        }
        result.push_back(std::move(row));
    }
    return result;
}

}  // namespace aiperf::settings
