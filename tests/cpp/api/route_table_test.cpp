#include "route_table.hpp"

#include "api_fixture.hpp"
#include "docs_page.hpp"
#include "openapi.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <set>

using namespace aiperf;
using api::Outcome;
using api::Parameter;
using api::Route;
using api::Routes;
using nlohmann::json;

namespace {

bool is_listed(const Route& route, int status) {
    const auto has = [&](std::span<const Outcome> outcomes) {
        return std::any_of(outcomes.begin(), outcomes.end(), [&](const Outcome& o) { return o.status == status; });
    };
    return has(route.outcomes) || has(api::common_outcomes());
}

}  // namespace

TEST_CASE("a path belongs to one route of a method, and one with a parameter takes what follows") {
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (const Route& route : Routes::table()) {
        CAPTURE(route.path);
        REQUIRE(seen.emplace(route.method, route.path).second);
        REQUIRE(route.path.starts_with("/"));
    }
    const Route files{"GET", "/files/{path}", "", {}, {}, nullptr};
    REQUIRE(files.rest_of("/files/a/b%20c") == "a/b%20c");
    REQUIRE(files.rest_of("/files/") == "");
    REQUIRE_FALSE(files.rest_of("/files"));
    const Route list{"GET", "/files", "", {}, {}, nullptr};
    REQUIRE(list.rest_of("/files") == "");
    REQUIRE_FALSE(list.rest_of("/files/"));
}

TEST_CASE("every route of the table answers as it says, before and after the end, and to every method") {
    for (const bool ended : {false, true}) {
        test::ApiRun run;
        run.progress();
        if (ended) {
            run.finish();
        }
        const Routes routes(run.state, {std::chrono::seconds(300), [] { return true; }});
        for (const Route& route : Routes::table()) {
            if (route.handler == nullptr) {
                continue;
            }
            std::string target(route.path.substr(0, route.path.find('{')));
            target += target == route.path ? "" : "profile_export.jsonl";
            const api::Answer answer = routes.answer({std::string(route.method), target, {}}, true, false);
            CAPTURE(ended, route.method, target, answer.status);
            REQUIRE(is_listed(route, answer.status));
            REQUIRE(routes.answer({"DELETE", target, {}}, true, false).status == 405);
        }
    }
}

TEST_CASE("the document has every route, and each schema it names") {
    const json document = json::parse(api::openapi_json());
    REQUIRE(document["openapi"] == "3.1.0");
    std::size_t count = 0;
    for (const auto& [path, methods] : document["paths"].items()) {
        count += methods.size();
    }
    REQUIRE(count == Routes::table().size());
    for (const Route& route : Routes::table()) {
        const std::string method = route.method == "GET" ? "get" : "post";
        const json& operation = document["paths"][std::string(route.path)][method];
        CAPTURE(route.path);
        REQUIRE(operation["parameters"].size() == route.parameters.size() + 1);
        for (const Outcome& outcome : route.outcomes) {
            REQUIRE(operation["responses"][std::to_string(outcome.status)]["description"] == outcome.meaning);
            REQUIRE(
                (outcome.schema.empty() || document["components"]["schemas"].contains(std::string(outcome.schema))));
        }
        for (const Parameter& parameter : route.parameters) {
            REQUIRE(json::accept(parameter.schema));
        }
    }
}

TEST_CASE("the page for people is one document that fetches nothing from elsewhere") {
    const std::string page(api::docs_page());
    REQUIRE(page.starts_with("<!doctype html>"));
    for (const char* const elsewhere : {"http://", "https://", "//cdn", "src=", "@import", "url("}) {
        CAPTURE(elsewhere);
        REQUIRE(page.find(elsewhere) == std::string::npos);
    }
    REQUIRE(page.find("fetch(\"openapi.json\"") != std::string::npos);
}
