#include "body.hpp"

#include "aiperf/base/error.hpp"

#include <cstdlib>
#include <string>
#include <utility>

namespace aiperf::endpoint {

namespace {

using Json = nlohmann::ordered_json;

/// The value of "key:value": JSON where it is JSON (numbers, true, null, lists), text otherwise.
Json value_of(const std::string& text) {
    Json value = Json::parse(text, nullptr, false);
    return value.is_discarded() ? Json(text) : value;
}

void merge(Json& body, const std::string& input) {
    if (!input.empty() && input.front() == '{') {
        const Json object = Json::parse(input, nullptr, false);
        if (!object.is_object()) {
            throw base::ConfigError("--extra-inputs", input, "key:value or a JSON object is");
        }
        for (const auto& [key, value] : object.items()) {
            body[key] = value;
        }
        return;
    }
    const std::size_t colon = input.find(':');
    if (colon == std::string::npos || colon == 0) {
        throw base::ConfigError("--extra-inputs", input, "key:value or a JSON object is");
    }
    body[input.substr(0, colon)] = value_of(input.substr(colon + 1));
}

void ask_for_usage(Json& body) {
    const auto stream = body.find("stream");
    if (stream == body.end() || !stream->is_boolean() || !stream->get<bool>()) {
        return;
    }
    Json& options = body["stream_options"];
    if (options.is_null()) {
        options = Json::object();
    }
    if (options.is_object() && (!options.contains("include_usage") || options["include_usage"].is_null())) {
        options["include_usage"] = true;
    }
}

}  // namespace

std::string finish_body(Json body, const config::RunConfig& config) {
    for (const std::string& input : config.extra_inputs) {
        merge(body, input);
    }
    ask_for_usage(body);
    return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string finished_body(std::string_view body, const config::RunConfig& config) {
    Json object = Json::parse(body, nullptr, false);
    if (!object.is_object()) {
        throw base::ConfigError("body", std::string(body), "a JSON object is");
    }
    return finish_body(std::move(object), config);
}

}  // namespace aiperf::endpoint
