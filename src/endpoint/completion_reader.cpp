#include "completion_reader.hpp"

#include <simdjson.h>

#include <string>

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

std::string_view text_of(od::value value) {
    std::string_view text;
    return value.get_string().get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

class CompletionReader final : public AnswerReader {
public:
    explicit CompletionReader(ChoiceShape shape)
        : shape_(shape) {}

    bool read(const char* json, std::size_t size, Delta& delta) override {
        delta = {};
        tool_.clear();
        known_object_ = true;
        od::document document;
        od::object root;
        if (parser_.iterate(json, size, size + simdjson::SIMDJSON_PADDING).get(document) != simdjson::SUCCESS ||
            document.get_object().get(root) != simdjson::SUCCESS) {
            return false;
        }
        if (!read_root(root, delta)) {
            delta = {};
            return false;
        }
        delta.tool = tool_;
        return true;
    }

private:
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
                        delta.output = text_of(inner);
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
                delta.output = text_of(inner);
            } else if (key == "reasoning_content") {
                delta.reasoning = text_of(inner);
            } else if (key == "reasoning") {
                reasoning_alias = text_of(inner);
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

    static void read_usage(od::value value, Delta& delta) {
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
                delta.usage.prompt_tokens = token_count(inner);
            } else if (key == "completion_tokens") {
                delta.usage.completion_tokens = token_count(inner);
            } else if (key == "total_tokens") {
                delta.usage.total_tokens = token_count(inner);
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
    od::parser parser_;
    std::string tool_;
};

}  // namespace

std::unique_ptr<AnswerReader> completion_reader(ChoiceShape shape) {
    return std::make_unique<CompletionReader>(shape);
}

}  // namespace aiperf::endpoint
