#include "aiperf/config/options.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/config/redact.hpp"
#include "aiperf/config/words.hpp"
#include "known_flags.hpp"
#include "values.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace aiperf::config {

namespace {

constexpr double k_technical_limit = 1e6;

/// Endpoint types that AIPerf has and that are missing here.
constexpr std::string_view k_later_types[] = {"audio_transcription",
                                              "cohere_rankings",
                                              "responses",
                                              "messages",
                                              "chat_embeddings",
                                              "embeddings",
                                              "hf_tei_rankings",
                                              "huggingface_generate",
                                              "image_generation",
                                              "image_edit",
                                              "video_generation",
                                              "image_retrieval",
                                              "nim_embeddings",
                                              "nim_rankings",
                                              "solido_rag",
                                              "raw",
                                              "template"};

template <class Field>
struct Plain {
    using type = Field;
};

template <class Field>
struct Plain<std::optional<Field>> {
    using type = Field;
};

/// The type of a member's field, without the optional.
template <class Field>
using PlainOf = typename Plain<std::decay_t<Field>>::type;

template <class Field>
constexpr bool k_is_count = std::is_same_v<Field, std::uint32_t> || std::is_same_v<Field, std::uint64_t>;

/// `text` with '_' for '-' and without dashes in front.
std::string plain_name(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of('-'), text.size()));
    std::string name(text);
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

std::string limits(const Option& option, bool with_limit) {
    const Range& range = option.range;
    const std::string min = base::number_text(range.min);
    const bool limited = std::isfinite(range.max) && (with_limit || range.max < k_technical_limit);
    if (!limited) {
        return (range.above_min ? " > " : " >= ") + min + (range.infinity ? ", or inf" : "");
    }
    const std::string max = std::to_string(static_cast<std::int64_t>(range.max));
    return range.above_min ? " > " + min + " and <= " + max : " from " + min + " to " + max;
}

std::string text_form(const Option& option) {
    switch (option.form) {
        case Form::url: return "[http[s]://]HOST[:PORT][/PATH] or unix:///PATH";
        case Form::header: return "'Name:Value'";
        case Form::token: return "a header name";
        case Form::extra_input: return "'key:value' or a JSON object";
        case Form::ip_address: return "an IPv4 or IPv6 address";
        case Form::plain: return "a text without control characters";
        case Form::may_be_empty: break;
    }
    return "a text without control characters, or an empty one";
}

template <class Field>
std::string allowed_for(const Option& option, bool with_limit) {
    if constexpr (std::is_same_v<Field, bool>) {
        return "true or false";
    } else if constexpr (k_is_count<Field>) {
        return "an integer" + limits(option, with_limit);
    } else if constexpr (std::is_same_v<Field, double>) {
        return "a number" + limits(option, with_limit);
    } else if constexpr (std::is_enum_v<Field>) {
        return "one of " + all_words<Field>();
    } else {
        return text_form(option);
    }
}

/// Reads one value of a field from text.
class Reader {
public:
    Reader(const Option& option, std::string_view label, std::span<const std::string> values)
        : option_(option),
          label_(label),
          values_(values) {}

    template <class Field>
    void operator()(Field& field) const {
        using Value = PlainOf<Field>;
        if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
            field = texts();
        } else if constexpr (std::is_same_v<Value, NamedValues>) {
            field = headers();
        } else {
            field = read_one<Value>();
        }
    }

private:
    template <class Value>
    Value read_one() const {
        if (values_.size() > 1) {
            throw base::ConfigError(std::string(label_) + ": given more than once");
        }
        if constexpr (std::is_same_v<Value, bool>) {
            return values_.empty() || read_switch(values_.front());
        } else {
            if (values_.empty()) {
                refuse(option_, label_, "");
            }
            return read<Value>(values_.front());
        }
    }

    bool read_switch(const std::string& text) const {
        const auto value = base::parse_boolean(text);
        if (!value) {
            refuse(option_, label_, text);
        }
        return *value;
    }

    template <class Value>
    Value read(const std::string& text) const {
        if constexpr (k_is_count<Value>) {
            return static_cast<Value>(read_count(text, std::numeric_limits<Value>::max()));
        } else if constexpr (std::is_same_v<Value, double>) {
            return read_number(text);
        } else if constexpr (std::is_enum_v<Value>) {
            const auto word = from_word<Value>(text);
            if (!word) {
                if constexpr (std::is_same_v<Value, EndpointType>) {
                    refuse_later_type(text);
                }
                refuse(option_, label_, text);
            }
            return *word;
        } else {
            check_text(option_, label_, text);
            return text;
        }
    }

    void refuse_later_type(const std::string& text) const {
        std::string word = base::lower(text);
        std::replace(word.begin(), word.end(), '-', '_');
        if (std::find(std::begin(k_later_types), std::end(k_later_types), word) != std::end(k_later_types)) {
            throw base::ConfigError(std::string(label_) + ": '" + text + "' is not supported yet; " +
                                    option_.allowed());
        }
    }

    void refuse_sweep(const std::string& text) const {
        if (!option_.sweepable || text.find(',') == std::string::npos) {
            return;
        }
        const auto pieces = base::split(text, ',');
        if (std::all_of(pieces.begin(), pieces.end(), [](auto piece) {
                return base::parse_number(base::trim(piece)).has_value();
            })) {
            throw base::ConfigError(std::string(label_) + ": '" + text +
                                    "': a list of values (a sweep) is not supported yet; one value");
        }
    }

    std::uint64_t read_count(const std::string& text, std::uint64_t type_max) const {
        refuse_sweep(text);
        const auto value = base::parse_unsigned(text);
        if (!value || *value > type_max) {
            refuse(option_, label_, text, base::looks_like_integer(text) && !text.starts_with('-'));
        }
        check_number(option_, label_, static_cast<double>(*value), text);
        return *value;
    }

    double read_number(const std::string& text) const {
        refuse_sweep(text);
        const auto value = base::parse_number(text);
        if (!value) {
            refuse(option_, label_, text);
        }
        check_number(option_, label_, *value, text);
        return *value;
    }

    std::vector<std::string> texts() const {
        std::vector<std::string> result;
        for (const std::string& value : values_) {
            if (!option_.commas) {
                result.push_back(value);
                continue;
            }
            for (const std::string_view piece : base::split(value, ',')) {
                result.emplace_back(base::trim(piece));
            }
        }
        for (const std::string& text : result) {
            check_text(option_, label_, text);
        }
        return result;
    }

    NamedValues headers() const {
        NamedValues result;
        for (const std::string& value : values_) {
            NamedValues pairs = pairs_of_json_object(value);
            if (pairs.empty()) {
                const auto colon = value.find(':');
                if (colon == std::string::npos) {
                    const bool secret = is_secret_header(value.substr(0, value.find_first_of(" =")));
                    refuse(option_, label_, secret ? k_redacted : std::string_view(value));
                }
                pairs.emplace_back(base::trim(std::string_view(value).substr(0, colon)),
                                   base::trim(std::string_view(value).substr(colon + 1)));
            }
            for (auto& [name, text] : pairs) {
                check_header(option_, label_, name, text);
                result.emplace_back(std::move(name), std::move(text));
            }
        }
        return result;
    }

    const Option& option_;
    std::string_view label_;
    std::span<const std::string> values_;
};

}  // namespace

std::string_view Option::label() const noexcept {
    return flags.empty() ? key : flags.substr(0, flags.find(' '));
}

std::string Option::allowed(bool with_limit) const {
    return std::visit(
        [&](auto field) {
            using Field = PlainOf<decltype(std::declval<RunConfig&>().*field)>;
            return allowed_for<Field>(*this, with_limit);
        },
        member);
}

const Option* find_option(std::string_view name) noexcept {
    const std::string wanted = plain_name(name);
    for (const Option& option : options()) {
        if (option.key == wanted) {
            return &option;
        }
        for (const std::string_view flag : base::split(option.flags, ' ')) {
            if (flag.starts_with("--") && plain_name(flag) == wanted) {
                return &option;
            }
        }
    }
    return nullptr;
}

const Option& require_option(std::string_view name) {
    if (const Option* const option = find_option(name)) {
        return *option;
    }
    const std::string wanted = plain_name(name);
    std::vector<std::string> known;
    for (const std::string_view flag : base::split(known_flags(), ' ')) {
        known.push_back(plain_name(flag));
    }
    if (std::find(known.begin(), known.end(), wanted) != known.end()) {
        throw base::ConfigError(std::string(name) + ": not supported yet");
    }
    for (const Option& option : options()) {
        known.emplace_back(option.key);
    }
    const auto near = base::nearest(wanted, std::vector<std::string_view>(known.begin(), known.end()));
    throw base::ConfigError(std::string(name) + ": unknown option" +
                            (near ? "; did you mean " + std::string(*near) + "?" : std::string{}));
}

void set_from_text(RunConfig& config,
                   const Option& option,
                   std::span<const std::string> values,
                   std::string_view label) {
    const Reader reader(option, label, values);
    std::visit([&](auto member) { reader(config.*member); }, option.member);
}

void set_from_text(RunConfig& config, std::string_view name, std::span<const std::string> values) {
    set_from_text(config, require_option(name), values, name);
}

}  // namespace aiperf::config
