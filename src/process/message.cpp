#include "aiperf/process/message.hpp"

#include <nlohmann/json.hpp>

namespace aiperf::process {
namespace {

using Json = nlohmann::json;

// Text from outside need not be UTF-8: what is not is replaced, not thrown.
std::string text_of(const Json& message) {
    return message.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string deadline_message(const char* type, base::Instant deadline) {
    return text_of({{"type", type}, {"deadline_ns", deadline.time_since_epoch().count()}});
}

std::optional<std::string> text_at(const Json& message, const char* key) {
    const auto found = message.find(key);
    if (found == message.end() || !found->is_string()) {
        return std::nullopt;
    }
    return found->get<std::string>();
}

bool read_deadline(const Json& json, Message& message) {
    const auto found = json.find("deadline_ns");
    if (found == json.end() || !found->is_number_integer()) {
        return false;
    }
    message.deadline = base::Instant{base::Nanoseconds{found->get<std::int64_t>()}};
    return true;
}

bool read_registered(const Json& json, Message& message) {
    if (!json.contains("error")) {
        return true;
    }
    const auto error = text_at(json, "error");
    message.error = error.value_or("");
    return !message.error.empty();
}

bool read_state(const Json& json, Message& message) {
    const auto state = parse_service_state(text_at(json, "state").value_or(""));
    message.state = state.value_or(ServiceState::created);
    return state.has_value();
}

bool read_keys(const Json& json, Message& message) {
    using Kind = Message::Kind;
    switch (message.kind) {
        case Kind::registered: return read_registered(json, message);
        case Kind::state: return read_state(json, message);
        case Kind::leave_by:
        case Kind::stop: return read_deadline(json, message);
        case Kind::other: break;
    }
    return true;
}

Message::Kind kind_of(std::string_view type) {
    using Kind = Message::Kind;
    if (type == "registered") {
        return Kind::registered;
    }
    if (type == "state") {
        return Kind::state;
    }
    if (type == "leave_by") {
        return Kind::leave_by;
    }
    return type == "stop" ? Kind::stop : Kind::other;
}

}  // namespace

std::string registered_message(std::string_view error) {
    Json message{{"type", "registered"}};
    if (!error.empty()) {
        message["error"] = error;
    }
    return text_of(message);
}

std::string state_message(ServiceState state) {
    return text_of({{"type", "state"}, {"state", to_string(state)}});
}

std::string leave_by_message(base::Instant deadline) {
    return deadline_message("leave_by", deadline);
}

std::string stop_message(base::Instant deadline) {
    return deadline_message("stop", deadline);
}

std::optional<Message> parse_message(std::string_view payload) {
    const Json json = Json::parse(payload, nullptr, false);
    if (!json.is_object()) {
        return std::nullopt;
    }
    const auto type = text_at(json, "type");
    if (!type) {
        return std::nullopt;
    }
    Message message{.kind = kind_of(*type), .type = *type, .error = {}, .state = {}, .deadline = {}};
    if (!read_keys(json, message)) {
        return std::nullopt;
    }
    return message;
}

}  // namespace aiperf::process
