#include "aiperf/mock/body_facts.hpp"

#include "aiperf/mock/options.hpp"

#include <simdjson.h>

namespace aiperf::mock {

namespace {

namespace od = simdjson::ondemand;

/// A field of the wrong type; thrown as a value inside this file only.
struct BadField {
    std::string message;
};

/// Deeper nesting holds no text: messages are lists of objects whose content is a list of objects.
constexpr int k_max_depth = 8;

/// A token id in a prompt counts as one token of the rule "four bytes are a token".
constexpr std::size_t k_bytes_per_id = 4;

void count_text(od::value value, std::size_t& bytes, int depth);

/// The text of one message or of one part of a message.
void count_object(od::object object, std::size_t& bytes, int depth) {
    for (auto field : object) {
        const std::string_view key = field.unescaped_key().value();
        if (key == "content" || key == "text") {
            count_text(field.value(), bytes, depth);
        }
    }
}

void count_text(od::value value, std::size_t& bytes, int depth) {
    if (depth > k_max_depth) {
        return;
    }
    switch (value.type().value()) {
        case od::json_type::string: bytes += value.get_string().value().size(); break;
        case od::json_type::number: bytes += k_bytes_per_id; break;
        case od::json_type::array: {
            od::array members = value.get_array().value();  // named: the loop would outlive a temporary
            for (auto member : members) {
                count_text(member.value(), bytes, depth + 1);
            }
            break;
        }
        case od::json_type::object: count_object(value.get_object().value(), bytes, depth + 1); break;
        default: break;
    }
}

bool read_bool(od::value value, const char* name) {
    if (value.is_null()) {
        return false;
    }
    bool result = false;
    if (value.get_bool().get(result) != simdjson::SUCCESS) {
        throw BadField{std::string(name) + " must be true or false"};
    }
    return result;
}

void read_limit(od::value value, const char* name, std::optional<std::uint32_t>& limit) {
    if (value.is_null()) {
        return;
    }
    std::uint64_t number = 0;
    if (value.get_uint64().get(number) != simdjson::SUCCESS || number < 1 || number > k_max_output_tokens) {
        throw BadField{std::string(name) + " must be a whole number from 1 to " + std::to_string(k_max_output_tokens)};
    }
    limit = static_cast<std::uint32_t>(number);
}

bool read_include_usage(od::value value) {
    if (value.is_null()) {
        return false;
    }
    bool include = false;
    od::object options;
    if (value.get_object().get(options) != simdjson::SUCCESS) {
        throw BadField{"stream_options must be an object"};
    }
    for (auto field : options) {
        if (field.unescaped_key().value() == "include_usage") {
            include = read_bool(field.value(), "stream_options.include_usage");
        }
    }
    return include;
}

}  // namespace

class BodyReader::Impl {
public:
    void read(std::string_view body, BodyFacts& facts) {
        auto document = parser_.iterate(body.data(), body.size(), body.size() + k_body_padding);
        od::object object;
        if (document.get_object().get(object) != simdjson::SUCCESS) {
            throw BadField{"the body must be a JSON object"};
        }
        std::optional<std::uint32_t> older_limit;
        for (auto field : object) {
            read_field(field.unescaped_key().value(), field.value(), facts, older_limit);
        }
        if (!facts.max_tokens) {
            facts.max_tokens = older_limit;
        }
    }

private:
    static void read_field(std::string_view key,
                           od::value value,
                           BodyFacts& facts,
                           std::optional<std::uint32_t>& older_limit) {
        if (key == "messages" || key == "prompt") {
            count_text(value, facts.prompt_bytes, 0);
        } else if (key == "model") {
            std::string_view model;
            if (value.get_string().get(model) != simdjson::SUCCESS) {
                throw BadField{"model must be a string"};
            }
            facts.model = model;
        } else if (key == "stream") {
            facts.stream = read_bool(value, "stream");
        } else if (key == "stream_options") {
            facts.include_usage = read_include_usage(value);
        } else if (key == "max_completion_tokens") {
            read_limit(value, "max_completion_tokens", facts.max_tokens);
        } else if (key == "max_tokens") {
            read_limit(value, "max_tokens", older_limit);
        }
    }

    od::parser parser_;
};

BodyReader::BodyReader()
    : impl_(std::make_unique<Impl>()) {}

BodyReader::~BodyReader() = default;

std::string BodyReader::read(std::string_view body, BodyFacts& facts) {
    static_assert(k_body_padding >= simdjson::SIMDJSON_PADDING);
    try {
        facts = BodyFacts{};
        impl_->read(body, facts);
    } catch (const BadField& bad) {
        return bad.message;
    } catch (const simdjson::simdjson_error& error) {
        return std::string("the body is not valid JSON: ") + error.what();
    }
    return {};
}

}  // namespace aiperf::mock
