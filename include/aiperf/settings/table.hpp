#pragma once

#include "aiperf/settings/settings.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::settings {

/// What a variable's value is.
enum class Kind : std::uint8_t { boolean, integer, number, choice, text, list };

/// A value read for a variable; which member counts follows from the variable's kind.
struct Value {
    bool boolean = false;             ///< kind boolean
    double number = 0.0;              ///< kinds integer and number
    std::string_view text;            ///< kinds choice (a word of the list) and text
    std::vector<std::string> list{};  ///< kind list
};

/// One row of the table: everything that is known about a variable.
struct Variable {
    std::string_view name;                   ///< "AIPERF_HTTP_SO_RCVBUF"
    std::string_view group;                  ///< the member of Settings: "http"
    Kind kind;                               ///< of its value
    std::string_view default_text;           ///< "" = not set
    double min;                              ///< inclusive; kinds integer and number
    double max;                              ///< inclusive
    std::string_view choices;                ///< separated by blanks; kind choice
    std::string_view unit;                   ///< "" = none
    std::string_view help;                   ///< one sentence
    bool in_aiperf;                          ///< false: a variable that only this program has
    void (*apply)(Settings&, const Value&);  ///< writes a value into the settings
    bool secret = false;                     ///< its value is shown nowhere

    /// What may be written: "a number from 0 to 300", "true or false", "one of 4, 6, auto".
    [[nodiscard]] std::string allowed() const;
};

/// The table, in the order of the document.
[[nodiscard]] std::span<const Variable> variables() noexcept;

/// A variable as people look it up.
struct Row {
    const Variable* variable = nullptr;  ///< of the table
    std::string value;                   ///< "" = not set
    bool from_environment = false;       ///< false: the default
};

/// All variables with the values they have in `environment`. Throws base::ConfigError as Settings::from().
[[nodiscard]] std::vector<Row> rows(const std::map<std::string, std::string>& environment);

/// The rows as a table for a terminal.
[[nodiscard]] std::string to_text(std::span<const Row> rows);

/// The rows as a JSON array of {name, value, default, allowed, source, unit, help}.
[[nodiscard]] std::string to_json(std::span<const Row> rows);

/// docs/environment-variables.md.
[[nodiscard]] std::string to_markdown();

}  // namespace aiperf::settings
