#include "aiperf/base/error.hpp"
#include "aiperf/mock/json_text.hpp"
#include "aiperf/mock/script.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace aiperf::mock {

namespace {

using Json = nlohmann::ordered_json;

constexpr double k_max_delay_ms = 86'400'000;

[[noreturn]] void refuse(const std::string& place, const std::string& what) {
    throw base::ConfigError("script: " + place + ": " + what);
}

void check_keys(const Json& object, const std::string& place, std::initializer_list<std::string_view> known) {
    if (!object.is_object()) {
        refuse(place, "must be an object");
    }
    for (const auto& item : object.items()) {
        if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
            refuse(place, "unknown member '" + item.key() + "'");
        }
    }
}

std::string text_of(const Json& value, const std::string& place) {
    if (!value.is_string()) {
        refuse(place, "must be a string");
    }
    return value.get<std::string>();
}

std::int64_t delay_ns(const Json& value, const std::string& place) {
    if (!value.is_number() || value.get<double>() < 0 || value.get<double>() > k_max_delay_ms) {
        refuse(place, "a delay must be a number of milliseconds from 0 to 86400000");
    }
    return std::llround(value.get<double>() * 1e6);
}

Action action_of(const Json& value, const std::string& place) {
    if (value == "reset") {
        return Action::reset;
    }
    if (value == "close") {
        return Action::close;
    }
    refuse(place, "an action is \"reset\" or \"close\"");
}

std::string decode_hex(const std::string& text, const std::string& place) {
    const auto digit = [&](char c) -> unsigned {
        if (c >= '0' && c <= '9') {
            return static_cast<unsigned>(c - '0');
        }
        const char low = static_cast<char>(c | 0x20);
        if (low < 'a' || low > 'f') {
            refuse(place, "$hex must be pairs of hexadecimal digits");
        }
        return static_cast<unsigned>(low - 'a') + 10U;
    };
    if (text.size() % 2 != 0) {
        refuse(place, "$hex must be pairs of hexadecimal digits");
    }
    std::string bytes;
    for (std::size_t i = 0; i < text.size(); i += 2) {
        bytes += static_cast<char>(digit(text[i]) * 16U + digit(text[i + 1]));
    }
    return bytes;
}

std::string decode_base64(const std::string& text, const std::string& place) {
    constexpr std::string_view k_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text.substr(0, std::min(text.find('='), text.size()))) {
        const std::size_t value = k_digits.find(c);
        if (value == std::string_view::npos) {
            refuse(place, "is not base64");
        }
        bits = ((bits << 6U) | static_cast<unsigned>(value)) & 0xffffffU;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffU);
        }
    }
    return bytes;
}

std::string event_with_name(const Json& payload, const std::string& place) {
    check_keys(payload, place, {"$event", "data"});
    std::string out = "event: " + text_of(payload["$event"], place + ".$event") + "\n";
    if (!payload.contains("data")) {
        return out + "\n";
    }
    const Json& data = payload["data"];
    std::string text = data.is_string() ? data.get<std::string>() : to_python_json(data);
    for (std::size_t at = 0; at != std::string::npos;) {
        const std::size_t lf = text.find('\n', at);
        out += "data: " + text.substr(at, lf == std::string::npos ? lf : lf - at) + "\n";
        at = lf == std::string::npos ? lf : lf + 1;
    }
    return out + "\n";
}

/// The bytes of one event of the script.
std::string event_bytes(const Json& payload, const std::string& place) {
    if (payload.is_string()) {
        return "data: " + payload.get<std::string>() + "\n\n";
    }
    if (!payload.is_object()) {
        refuse(place, "a payload is a string or an object");
    }
    if (payload.contains("$event")) {
        return event_with_name(payload, place);
    }
    if (payload.contains("$raw")) {
        check_keys(payload, place, {"$raw"});
        return text_of(payload["$raw"], place + ".$raw");
    }
    if (payload.contains("$hex")) {
        check_keys(payload, place, {"$hex"});
        return decode_hex(text_of(payload["$hex"], place + ".$hex"), place);
    }
    return "data: " + to_python_json(payload) + "\n\n";
}

HeadFields head_of(const Json& answer, const std::string& place, std::string content_type) {
    HeadFields head;
    head.content_type = std::move(content_type);
    if (answer.contains("status")) {
        const Json& status = answer["status"];
        if (!status.is_number_integer() || status < 200 || status > 599) {
            refuse(place + ".status", "must be a whole number from 200 to 599");
        }
        head.status = status.get<std::uint16_t>();
    }
    const auto one_line = [](const std::string& text, const std::string& where) {
        if (text.find_first_of("\r\n") != std::string::npos) {
            refuse(where, "must be one line");
        }
        return text;
    };
    if (answer.contains("reason")) {
        head.reason = one_line(text_of(answer["reason"], place + ".reason"), place + ".reason");
    }
    if (answer.contains("headers")) {
        if (!answer["headers"].is_object()) {
            refuse(place + ".headers", "must be an object");
        }
        for (const auto& item : answer["headers"].items()) {
            const std::string where = place + ".headers";
            head.headers.emplace_back(one_line(item.key(), where), one_line(text_of(item.value(), where), where));
        }
    }
    return head;
}

/// Calls make(framing) for every framing.
template <class Make>
ScriptAnswer in_every_framing(Make make) {
    ScriptAnswer answers;
    for (const bool legacy : {false, true}) {
        for (const bool close : {false, true}) {
            for (const bool close_stream : {false, true}) {
                const Framing framing{legacy, close, close_stream};
                answers[index_of(framing)] = make(framing);
            }
        }
    }
    return answers;
}

AnswerPtr build_stream(
    const Json& events, const HeadFields& head, std::int64_t delay, Framing framing, const std::string& place) {
    AnswerBuilder builder(head, framing);
    builder.begin_stream(delay);
    for (std::size_t i = 0; i < events.size(); ++i) {
        const std::string where = place + ".events[" + std::to_string(i) + "]";
        const Json& event = events[i];
        if (!event.is_array() || event.size() != 2) {
            refuse(where, "must be [delay_ms, payload]");
        }
        const std::int64_t wait = delay_ns(event[0], where);
        if (event[1].is_object() && event[1].contains("$action")) {
            check_keys(event[1], where, {"$action"});
            builder.action(action_of(event[1]["$action"], where), wait);
        } else {
            builder.event(event_bytes(event[1], where), wait);
        }
    }
    return builder.end_stream(true);
}

ScriptAnswer parse_stream(const Json& answer, std::int64_t delay, const std::string& place) {
    if (!answer["events"].is_array()) {
        refuse(place + ".events", "must be a list");
    }
    const HeadFields head = head_of(answer, place, "text/event-stream");
    return in_every_framing(
        [&](Framing framing) { return build_stream(answer["events"], head, delay, framing, place); });
}

ScriptAnswer parse_whole(const Json& answer, std::int64_t delay, const std::string& place) {
    std::string body;
    std::string type;
    if (answer.contains("json")) {
        body = to_python_json(answer["json"]);
        type = "application/json";
    } else if (answer.contains("text")) {
        body = text_of(answer["text"], place + ".text");
        type = "text/plain; charset=utf-8";
    } else if (answer.contains("base64")) {
        body = decode_base64(text_of(answer["base64"], place + ".base64"), place + ".base64");
        type = "application/octet-stream";
    }
    const HeadFields head = head_of(answer, place, type);
    return in_every_framing([&](Framing framing) { return AnswerBuilder(head, framing).whole(body, delay); });
}

ScriptAnswer parse_answer(const Json& answer, const std::string& place) {
    check_keys(
        answer, place, {"delay_ms", "status", "reason", "headers", "json", "text", "base64", "events", "action"});
    const std::int64_t delay = answer.contains("delay_ms") ? delay_ns(answer["delay_ms"], place + ".delay_ms") : 0;
    int bodies = 0;
    for (const char* name : {"json", "text", "base64", "events", "action"}) {
        bodies += answer.contains(name) ? 1 : 0;
    }
    if (bodies > 1) {
        refuse(place, "has more than one of json, text, base64, events, action");
    }
    if (answer.contains("action")) {
        const Action action = action_of(answer["action"], place + ".action");
        return in_every_framing([&](Framing) { return make_action_answer(action, delay); });
    }
    return answer.contains("events") ? parse_stream(answer, delay, place) : parse_whole(answer, delay, place);
}

ScriptRoute parse_route(const Json& json, const std::string& place) {
    check_keys(json, place, {"method", "path", "answers", "order", "same_again"});
    ScriptRoute route;
    route.method = json.contains("method") ? text_of(json["method"], place + ".method") : "POST";
    if (!json.contains("path")) {
        refuse(place, "has no path");
    }
    route.path = text_of(json["path"], place + ".path");
    if (json.contains("order")) {
        const Json& order = json["order"];
        if (order != "cycle" && order != "last") {
            refuse(place + ".order", "must be \"cycle\" or \"last\"");
        }
        route.last = order == "last";
    }
    if (json.contains("same_again")) {
        if (!json["same_again"].is_boolean()) {
            refuse(place + ".same_again", "must be true or false");
        }
        route.same_again = json["same_again"].get<bool>();
    }
    if (!json.contains("answers") || !json["answers"].is_array() || json["answers"].empty()) {
        refuse(place + ".answers", "must be a list of at least one answer");
    }
    for (std::size_t i = 0; i < json["answers"].size(); ++i) {
        route.answers.push_back(parse_answer(json["answers"][i], place + ".answers[" + std::to_string(i) + "]"));
    }
    return route;
}

}  // namespace

std::vector<ScriptRoute> parse_script(std::string_view json_text) {
    const Json whole = Json::parse(json_text, nullptr, false);
    if (whole.is_discarded()) {
        throw base::ConfigError("script: is not valid JSON");
    }
    const Json& script = whole.is_object() && whole.contains("mock") ? whole["mock"] : whole;
    if (!script.is_object() || !script.contains("routes") || !script["routes"].is_array()) {
        throw base::ConfigError("script: must be an object with a list 'routes', or hold one as its member 'mock'");
    }
    std::vector<ScriptRoute> routes;
    for (std::size_t i = 0; i < script["routes"].size(); ++i) {
        routes.push_back(parse_route(script["routes"][i], "routes[" + std::to_string(i) + "]"));
    }
    return routes;
}

}  // namespace aiperf::mock
