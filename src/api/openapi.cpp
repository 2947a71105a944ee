#include "openapi.hpp"

#include "aiperf/base/text.hpp"
#include "aiperf/base/version.hpp"
#include "route_table.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace aiperf::api {

namespace {

using Json = nlohmann::ordered_json;

Json schema_of(const Outcome& outcome) {
    if (!outcome.schema.empty()) {
        return Json{{"$ref", "#/components/schemas/" + std::string(outcome.schema)}};
    }
    return outcome.content_type.starts_with("text/") ? Json{{"type", "string"}} : Json::object();
}

Json answer_of(const Outcome& outcome) {
    Json answer{{"description", outcome.meaning}};
    if (!outcome.content_type.empty()) {
        answer["content"][std::string(outcome.content_type)]["schema"] = schema_of(outcome);
    }
    return answer;
}

Json parameter_of(const Parameter& parameter) {
    return Json{{"name", parameter.name},
                {"in", to_string(parameter.place)},
                {"required", parameter.place == Place::path},
                {"description", parameter.meaning},
                {"schema", Json::parse(parameter.schema)}};
}

std::string operation_id(const Route& route) {
    std::string id = base::lower(route.method) + std::string(route.path);
    std::replace_if(
        id.begin(), id.end(), [](char c) { return c == '/' || c == '{' || c == '}' || c == '.'; }, '_');
    return id;
}

Json operation_of(const Route& route) {
    Json parameters = Json::array();
    for (const Parameter& parameter : route.parameters) {
        parameters.push_back(parameter_of(parameter));
    }
    parameters.push_back(parameter_of(common_parameter()));
    Json answers = Json::object();
    for (const std::span<const Outcome> outcomes : {route.outcomes, common_outcomes()}) {
        for (const Outcome& outcome : outcomes) {
            answers.emplace(std::to_string(outcome.status), answer_of(outcome));
        }
    }
    return Json{{"operationId", operation_id(route)},
                {"summary", route.summary},
                {"parameters", std::move(parameters)},
                {"responses", std::move(answers)}};
}

Json document() {
    Json paths = Json::object();
    for (const Route& route : Routes::table()) {
        paths[std::string(route.path)][base::lower(route.method)] = operation_of(route);
    }
    return Json{
        {"openapi", "3.1.0"},
        {"info",
         {{"title", "aiperf-cpp results server"},
          {"version", base::version()},
          {"description", "How far a benchmark is, how it ended, and its artifacts. Every GET is a HEAD too."}}},
        {"paths", std::move(paths)},
        {"security", {Json::object(), {{"bearer", Json::array()}}}},  // where one is wanted
        {"components",
         {{"schemas", Json::parse(openapi_schemas())},
          {"securitySchemes", {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
}

}  // namespace

const std::string& openapi_json() {
    static const std::string text = document().dump();
    return text;
}

}  // namespace aiperf::api
