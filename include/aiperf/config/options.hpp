#pragma once

#include "aiperf/config/run_config.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace aiperf::config {

using NamedValues = std::vector<std::pair<std::string, std::string>>;  ///< names and values, in order

/// The field of RunConfig an option stands for.
using Member = std::variant<bool RunConfig::*,
                            double RunConfig::*,
                            std::optional<double> RunConfig::*,
                            std::uint32_t RunConfig::*,
                            std::optional<std::uint32_t> RunConfig::*,
                            std::uint64_t RunConfig::*,
                            std::optional<std::uint64_t> RunConfig::*,
                            std::string RunConfig::*,
                            std::optional<std::string> RunConfig::*,
                            std::vector<std::string> RunConfig::*,
                            NamedValues RunConfig::*,
                            EndpointType RunConfig::*,
                            std::optional<ArrivalPattern> RunConfig::*,
                            ExportLevel RunConfig::*,
                            UrlStrategy RunConfig::*,
                            WaitForModelMode RunConfig::*,
                            ConnectionReuse RunConfig::*,
                            HttpVersion RunConfig::*,
                            TlsVersion RunConfig::*,
                            std::optional<Backend> RunConfig::*,
                            OnWorkerDeath RunConfig::*,
                            FailOn RunConfig::*,
                            UiType RunConfig::*,
                            LogLevel RunConfig::*>;

/// What a number may be.
struct Range {
    double min = 0.0;                                      ///< smallest
    bool above_min = false;                                ///< true: min itself is not allowed
    double max = std::numeric_limits<double>::infinity();  ///< largest, allowed itself
    bool infinity = false;                                 ///< "inf" is allowed
};

/// What a text is, where it is more than a text.
enum class Form : std::uint8_t { plain, url, header, token, extra_input, may_be_empty, ip_address };

/// One row of the table. Flags, Python keywords, JSON keys, help and errors come from here.
struct Option {
    std::string_view key;       ///< the field's name
    std::string_view flags;     ///< "--concurrency", or several between blanks, the first one first; "" = no flag
    std::string_view group;     ///< heading in the help
    std::string_view fallback;  ///< what an absent value means, for the help; "" = the field's own default
    std::string_view help;      ///< one sentence
    Member member;              ///< of RunConfig
    Range range = {};           ///< of numbers
    Form form = Form::plain;    ///< of texts
    bool several = false;       ///< a flag takes all values up to the next flag
    bool commas = false;        ///< a value may be a list between commas
    bool sweepable = false;     ///< AIPerf takes a list between commas as a sweep
    bool secret = false;        ///< true: redacted wherever it would be shown

    /// The first flag, or the key where there is none: how errors of validate() name the option.
    [[nodiscard]] std::string_view label() const noexcept;

    /// What may be given: "an integer >= 1", "one of chat, completions". Limits from a million on, which nobody meets,
    /// are told only with `with_limit`.
    [[nodiscard]] std::string allowed(bool with_limit = false) const;

    /// True for on/off options, whose flag needs no value.
    [[nodiscard]] bool is_switch() const noexcept { return std::holds_alternative<bool RunConfig::*>(member); }

    /// True where several values are kept.
    [[nodiscard]] bool is_list() const noexcept {
        return std::holds_alternative<std::vector<std::string> RunConfig::*>(member) ||
               std::holds_alternative<NamedValues RunConfig::*>(member);
    }
};

/// The table, grouped, in the order of the help.
[[nodiscard]] std::span<const Option> options() noexcept;

/// The option a person means by `name`: its key, or one of its flags without dashes, '-' and '_' being the same
/// ("isl", "isl_mean", "--isl"). nullptr where there is none.
[[nodiscard]] const Option* find_option(std::string_view name) noexcept;

/// As find_option(), but throws base::ConfigError with the nearest known name, or saying that AIPerf has it and this
/// program does not have it yet.
[[nodiscard]] const Option& require_option(std::string_view name);

/// Sets a field from text, as on the command line. Lists are replaced as a whole; a switch without a value is on.
/// Throws base::ConfigError naming `label`, the value and what is allowed; the configuration is then unchanged.
void set_from_text(RunConfig& config,
                   const Option& option,
                   std::span<const std::string> values,
                   std::string_view label);

/// The same, found by name; errors use the name as given.
void set_from_text(RunConfig& config, std::string_view name, std::span<const std::string> values);

/// Sets a field from a JSON value: null = back to the default; numbers, booleans and texts by the field's type; a list,
/// or one value, for lists; an object for headers and extra inputs. Errors as set_from_text(), and base::ConfigError
/// for text that is not JSON.
void set_from_json_text(RunConfig& config, std::string_view name, std::string_view json_text);

/// The field as JSON text; "null" where absent.
[[nodiscard]] std::string get_as_json_text(const RunConfig& config, const Option& option);

/// Whether secrets are written or blotted out.
enum class Secrets : std::uint8_t { redacted, shown };

/// All fields as one JSON object, keys in the table's order, absent ones null. Redacted: the API key and the values of
/// headers that carry credentials read "<redacted>".
[[nodiscard]] std::string to_json(const RunConfig& config, Secrets secrets = Secrets::redacted);

/// Reads an object with some or all of the keys; the others keep their defaults. Throws base::ConfigError for text that
/// is not a JSON object, for unknown keys (with the nearest known one), for a field given twice under two names, and
/// for values that are not allowed. The rules that join several fields are validate()'s.
[[nodiscard]] RunConfig from_json(std::string_view text);

/// The same for what to_json() wrote with secrets redacted: "<redacted>" is kept in their places, for a configuration
/// that is shown and not run.
[[nodiscard]] RunConfig from_redacted_json(std::string_view text);

/// Throws base::ConfigError unless every field has an allowed value and the fields go together.
void validate(const RunConfig& config);

/// What is allowed but will not do what it seems to: one line each.
[[nodiscard]] std::vector<std::string> warnings(const RunConfig& config);

}  // namespace aiperf::config
