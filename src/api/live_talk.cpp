#include "live_talk.hpp"

#include "body_json.hpp"
#include "live_messages.hpp"

#include <algorithm>

namespace aiperf::api {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view k_everything = "*";

std::string error(const std::string& text) {
    return text_of(Json{{"type", "error"}, {"message", text}});
}

bool is_known(std::string_view type) {
    return type == k_everything || std::find(k_live_types.begin(), k_live_types.end(), type) != k_live_types.end();
}

bool is_list_of_strings(const Json& value) {
    return value.is_array() && std::all_of(value.begin(), value.end(), [](const Json& v) { return v.is_string(); });
}

}  // namespace

std::optional<std::string> LiveTalk::reply_to(std::string_view text) {
    Json message;
    try {
        message = Json::parse(text);
    } catch (const Json::parse_error& fault) {
        return error("Invalid JSON: not understood at byte " + std::to_string(fault.byte));
    } catch (const Json::out_of_range&) {
        return error("Invalid JSON: a number is out of range");
    }
    if (!message.is_object()) {
        return error("Payload must be a JSON object");
    }
    const Json type = message.value("type", Json());
    if (type == "ping") {
        return text_of(Json{{"type", "pong"}});
    }
    const bool adds = type == "subscribe";
    if (!adds && type != "unsubscribe") {
        return std::nullopt;
    }
    const Json types = message.value("message_types", Json::array());
    if (!is_list_of_strings(types)) {
        return error("message_types must be a list of strings");
    }
    for (const Json& each : types) {
        const auto& name = each.get_ref<const std::string&>();
        if (!adds) {
            types_.erase(name);
        } else if (is_known(name)) {
            types_.insert(name);
        }
    }
    return text_of(Json{{"type", adds ? "subscribed" : "unsubscribed"}, {"message_types", types}});
}

bool LiveTalk::wants(std::string_view type) const {
    return types_.contains(k_everything) || types_.contains(type);
}

}  // namespace aiperf::api
