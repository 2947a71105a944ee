#include "completion_reader.hpp"

#include "message_mold.hpp"

#include <simdjson.h>

#include <string>
#include <vector>

namespace aiperf::endpoint {

namespace {

namespace od = simdjson::ondemand;

std::int32_t token_count(od::value value) {
    double number = 0;
    if (value.get_double().get(number) != simdjson::SUCCESS || number < 0 || number > 2e9) {
        return -1;
    }
    return static_cast<std::int32_t>(number);
}

/// Length of the well-formed UTF-8 character at the beginning of `text` (which is not empty); 0 = there is none, and
/// `broken` bytes of the beginning of one stand there (at least 1).
std::size_t character_length(std::string_view text, std::size_t& broken) noexcept {
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    broken = 1;
    if (lead < 0x80) {
        return 1;
    }
    const std::size_t length = lead >= 0xC2 && lead < 0xE0   ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    // The second byte's range keeps out overlong forms, surrogates and what is above U+10FFFF.
    const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    for (std::size_t i = 1; i < length; ++i) {
        if (i >= text.size() || byte(i) < (i == 1 ? low : 0x80) || byte(i) > (i == 1 ? high : 0xBF)) {
            return 0;
        }
        ++broken;
    }
    return length;
}

/// `text` with each broken piece of UTF-8 replaced by U+FFFD, as Python's decoder does with errors="replace".
void replace_invalid(std::string_view text, std::string& out) {
    out.clear();
    while (!text.empty()) {
        std::size_t broken = 0;
        const std::size_t length = character_length(text, broken);
        if (length > 0) {
            out.append(text.substr(0, length));
        } else {
            out.append("\xEF\xBF\xBD");
        }
        text.remove_prefix(length > 0 ? length : broken);
    }
}

/// True for a byte that can follow a whole number in JSON.
bool ends_number(char c) noexcept {
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

class CompletionReader final : public AnswerReader {
public:
    explicit CompletionReader(ChoiceShape shape)
        : shape_(shape) {}

    bool read(const char* json, std::size_t size, Delta& delta) override {
        const std::string_view message(json, size);
        const bool asked = message.data() == unlike_.data() && message.size() == unlike_.size();  // by read_alike()
        unlike_ = {};
        if (!asked && molds_.read(message, delta)) {
            return true;
        }
        simdjson::error_code error = read_once(json, size, delta);
        if (error == simdjson::SUCCESS && has_mold_ && delta.tool.empty()) {
            molds_.take(message, holes_, delta);
        }
        if (error == simdjson::UTF8_ERROR) {
            replace_invalid({json, size}, repaired_);
            repaired_.reserve(repaired_.size() + simdjson::SIMDJSON_PADDING);
            error = read_once(repaired_.data(), repaired_.size(), delta);
        }
        if (error != simdjson::SUCCESS) {
            delta = {};
        }
        return error == simdjson::SUCCESS;
    }

    bool read_alike(std::string_view text, Delta& delta) override {
        if (molds_.read(text, delta)) {
            return molds_.is_one_line();
        }
        unlike_ = text;
        return false;
    }

private:
    /// A value of `kind` is about to be read: where it is plain, other messages may have another one in its place.
    void note(HoleKind kind, od::value value) {
        if (is_read(kind)) {  // of two the parser says which one counts
            has_mold_ = has_mold_ && (seen_ & (1U << static_cast<unsigned>(kind))) == 0;
            seen_ |= 1U << static_cast<unsigned>(kind);
        }
        const std::string_view token = value.raw_json_token();
        const bool quoted = token.starts_with('"');
        if (is_text(kind) != quoted) {
            return;  // another message with the same bytes here says the same
        }
        const char* const begin = token.data() + (quoted ? 1 : 0);
        const char* const end = plain_value_end(kind, begin, message_.data() + message_.size());
        if (end == nullptr || (!quoted && !ends_number(*end))) {
            has_mold_ = has_mold_ && !quoted;  // such a number stays bytes of the mold
            return;
        }
        holes_.push_back(
            {kind, static_cast<std::size_t>(begin - message_.data()), static_cast<std::size_t>(end - begin)});
    }

    simdjson::error_code read_once(const char* json, std::size_t size, Delta& delta) {
        delta = {};
        tool_.clear();
        message_ = {json, size};
        holes_.clear();
        has_mold_ = true;
        seen_ = 0;
        known_object_ = true;
        malformed_ = false;
        od::document document;
        od::object root;
        simdjson::error_code error = parser_.iterate(json, size, size + simdjson::SIMDJSON_PADDING).get(document);
        if (error == simdjson::SUCCESS) {
            error = document.get_object().get(root);
        }
        if (error != simdjson::SUCCESS) {
            return error;
        }
        // Behind the object nothing may follow: then there is no place left to stand on.
        if (!read_root(root, delta) || malformed_ || document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
            return simdjson::TAPE_ERROR;
        }
        delta.tool = tool_;
        return error;
    }

    /// The text of a string; empty for every other type.
    std::string_view text_of(od::value value) {
        std::string_view text;
        const simdjson::error_code error = value.get_string().get(text);
        malformed_ = malformed_ || (error != simdjson::SUCCESS && error != simdjson::INCORRECT_TYPE);
        return error == simdjson::SUCCESS ? text : std::string_view{};
    }

    /// The same, of a value that has a place in the mold.
    std::string_view text_of(HoleKind kind, od::value value) {
        note(kind, value);
        return text_of(value);
    }

    std::int32_t count_of(HoleKind kind, od::value value) {
        note(kind, value);
        return token_count(value);
    }

    bool read_root(od::object& root, Delta& delta) {
        for (auto field : root) {
            std::string_view key;
            od::value value;
            if (field.unescaped_key().get(key) != simdjson::SUCCESS || field.value().get(value) != simdjson::SUCCESS) {
                return false;
            }
            if (key == "choices") {
                if (!read_choices(value, delta)) {
                    return false;
                }
            } else if (key == "usage") {
                read_usage(value, delta);
            } else if (key == "object") {
                known_object_ = is_known(text_of(value));
            } else if (key == "id" || key == "system_fingerprint") {
                note(HoleKind::ignored_text, value);
            } else if (key == "created") {
                note(HoleKind::ignored_number, value);
            }
        }
        return known_object_;
    }

    [[nodiscard]] bool is_known(std::string_view object) const noexcept {
        return shape_ == ChoiceShape::completion || object == "chat.completion" || object == "chat.completion.chunk";
    }

    bool read_choices(od::value value, Delta& delta) {
        od::array choices;
        if (value.get_array().get(choices) != simdjson::SUCCESS) {
            return true;  // null: carries nothing
        }
        bool first = true;
        for (auto element : choices) {
            od::object choice;
            if (!first) {
                continue;
            }
            first = false;
            if (element.get_object().get(choice) != simdjson::SUCCESS) {
                return false;
            }
            for (auto field : choice) {
                std::string_view key;
                od::value inner;
                if (field.unescaped_key().get(key) != simdjson::SUCCESS ||
                    field.value().get(inner) != simdjson::SUCCESS) {
                    return false;
                }
                if (shape_ == ChoiceShape::completion) {
                    if (key == "text") {
                        delta.output = text_of(HoleKind::output, inner);
                    }
                } else if (key == "delta" || key == "message") {
                    if (!read_message(inner, delta)) {
                        return false;
                    }
                }
            }
        }
        return true;
    }

    bool read_message(od::value value, Delta& delta) {
        od::object message;
        if (value.get_object().get(message) != simdjson::SUCCESS) {
            return true;
        }
        std::string_view reasoning_alias;
        for (auto field : message) {
            std::string_view key;
            od::value inner;
            if (field.unescaped_key().get(key) != simdjson::SUCCESS || field.value().get(inner) != simdjson::SUCCESS) {
                return false;
            }
            if (key == "content") {
                delta.output = text_of(HoleKind::output, inner);
            } else if (key == "reasoning_content") {
                delta.reasoning = text_of(HoleKind::reasoning, inner);
            } else if (key == "reasoning") {
                reasoning_alias = text_of(HoleKind::reasoning_alias, inner);
            } else if (key == "tool_calls") {
                read_tool_calls(inner);
            } else if (key == "function_call") {
                read_function(inner);
            }
        }
        if (delta.reasoning.empty()) {
            delta.reasoning = reasoning_alias;  // an empty reasoning_content falls through to its alias
        }
        return true;
    }

    void read_tool_calls(od::value value) {
        od::array calls;
        if (value.get_array().get(calls) != simdjson::SUCCESS) {
            return;
        }
        for (auto element : calls) {
            od::object call;
            if (element.get_object().get(call) != simdjson::SUCCESS) {
                return;
            }
            for (auto field : call) {
                std::string_view key;
                od::value inner;
                if (field.unescaped_key().get(key) != simdjson::SUCCESS ||
                    field.value().get(inner) != simdjson::SUCCESS) {
                    return;
                }
                if (key == "function") {
                    read_function(inner);
                }
            }
        }
    }

    void read_function(od::value value) {
        od::object function;
        if (value.get_object().get(function) != simdjson::SUCCESS) {
            return;
        }
        for (auto field : function) {
            std::string_view key;
            od::value inner;
            if (field.unescaped_key().get(key) != simdjson::SUCCESS || field.value().get(inner) != simdjson::SUCCESS) {
                return;
            }
            if (key == "name" || key == "arguments") {
                tool_ += text_of(inner);
            }
        }
    }

    void read_usage(od::value value, Delta& delta) {
        od::object usage;
        if (value.get_object().get(usage) != simdjson::SUCCESS) {
            return;
        }
        for (auto field : usage) {
            std::string_view key;
            od::value inner;
            if (field.unescaped_key().get(key) != simdjson::SUCCESS || field.value().get(inner) != simdjson::SUCCESS) {
                break;
            }
            if (key == "prompt_tokens") {
                delta.usage.prompt_tokens = count_of(HoleKind::prompt_tokens, inner);
            } else if (key == "completion_tokens") {
                delta.usage.completion_tokens = count_of(HoleKind::completion_tokens, inner);
            } else if (key == "total_tokens") {
                delta.usage.total_tokens = count_of(HoleKind::total_tokens, inner);
            } else if (key == "prompt_tokens_details") {
                read_detail(inner, "cached_tokens", delta.usage.cached_tokens);
            } else if (key == "completion_tokens_details") {
                read_detail(inner, "reasoning_tokens", delta.usage.reasoning_tokens);
            }
        }
        delta.has_usage = delta.usage.any();
    }

    static void read_detail(od::value value, std::string_view name, std::int32_t& count) {
        od::object details;
        od::value inner;
        if (value.get_object().get(details) == simdjson::SUCCESS &&
            details.find_field_unordered(name).get(inner) == simdjson::SUCCESS) {
            count = token_count(inner);
        }
    }

    ChoiceShape shape_;
    bool known_object_ = true;
    bool malformed_ = false;  // a string that is none
    od::parser parser_;
    std::string tool_;
    MessageMolds molds_;
    std::string_view unlike_;   // what was just now found to be of none of them
    std::string_view message_;  // being read
    std::vector<Hole> holes_;   // of it
    bool has_mold_ = false;     // as far as it was read
    unsigned seen_ = 0;         // kinds of values in it, as bits
    std::string repaired_;      // a message that was not UTF-8
};

}  // namespace

std::unique_ptr<AnswerReader> completion_reader(ChoiceShape shape) {
    return std::make_unique<CompletionReader>(shape);
}

}  // namespace aiperf::endpoint
