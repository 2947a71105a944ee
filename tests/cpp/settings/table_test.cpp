#include "aiperf/settings/table.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "registry.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

using namespace aiperf;
using nlohmann::json;

namespace {

const settings::Variable* find(std::string_view name) {
    const auto all = settings::variables();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& v) { return v.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::string default_text(const json& value) {
    if (value.is_null()) {
        return "";
    }
    if (value.is_string()) {
        return value.get<std::string>();
    }
    return value.is_number() ? base::number_text(value.get<double>()) : value.dump();
}

}  // namespace

TEST_CASE("defaults and ranges are AIPerf's") {
    std::set<std::string_view> seen;
    const json registry = test::registry("env.json");
    for (const json& theirs : registry["variables"]) {
        const std::string name = theirs["name"];
        const settings::Variable* const ours = find(name);
        if (ours == nullptr) {
            continue;
        }
        CAPTURE(name);
        seen.insert(ours->name);
        REQUIRE(ours->in_aiperf);
        REQUIRE(ours->default_text == default_text(theirs["default"]));
        if (theirs.contains("min")) {
            REQUIRE(ours->min == theirs["min"].get<double>());
        }
        if (theirs.contains("max")) {
            REQUIRE(ours->max == theirs["max"].get<double>());
        }
        if (theirs.contains("choices")) {
            std::string words;
            for (const json& word : theirs["choices"]) {
                words += (words.empty() ? "" : " ") + word.get<std::string>();
            }
            REQUIRE(ours->choices == words);
        }
    }
    for (const settings::Variable& ours : settings::variables()) {
        CAPTURE(ours.name);
        REQUIRE(ours.in_aiperf == seen.contains(ours.name));
        if (ours.name == "AIPERF_HELPER") {
            continue;  // where a program is, is nobody's group; settings.process.helper
        }
        REQUIRE(ours.name.starts_with("AIPERF_" + [&] {
            std::string group(ours.group);
            std::transform(group.begin(), group.end(), group.begin(), [](char c) {
                return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
            });
            return group;
        }() + "_"));
    }
}

TEST_CASE("all of AIPerf's variables are known: used, or warned about as being without effect") {
    const json registry = test::registry("env.json");
    for (const json& theirs : registry["variables"]) {
        const std::string name = theirs["name"];
        if (find(name) != nullptr) {
            continue;
        }
        std::vector<std::string> warnings;
        (void)settings::Settings::from({{name, "1"}}, &warnings);
        CAPTURE(name);
        REQUIRE(warnings.size() == 1);
        REQUIRE(warnings.front().starts_with(name + " has no effect: "));
    }
}

TEST_CASE("rows tell the value in force and where it is from") {
    const auto rows = settings::rows({{"AIPERF_HTTP_KEEPALIVE_TIMEOUT", "12"}});
    const json list = json::parse(settings::to_json(rows));
    REQUIRE(list.size() == settings::variables().size());
    for (const json& row : list) {
        const bool changed = row["name"] == "AIPERF_HTTP_KEEPALIVE_TIMEOUT";
        REQUIRE(row["source"] == (changed ? "environment" : "default"));
        REQUIRE(row["value"] == (changed ? json("12") : row["default"]));
    }
    REQUIRE(settings::to_text(rows).find("AIPERF_HTTP_KEEPALIVE_TIMEOUT  ") != std::string::npos);
    REQUIRE_THROWS_AS(settings::rows({{"AIPERF_HTTP_KEEPALIVE_TIMEOUT", "x"}}), base::ConfigError);
}

TEST_CASE("a secret is shown as such, wherever rows are shown") {
    const auto rows = settings::rows({{"AIPERF_API_SERVER_TOKEN", "open-sesame"}});
    for (const std::string& text : {settings::to_json(rows), settings::to_text(rows)}) {
        REQUIRE(text.find("sesame") == std::string::npos);
        REQUIRE(text.find("<redacted>") != std::string::npos);
    }
}

TEST_CASE("the document of the environment variables is the table's") {
    REQUIRE(test::read_test_file("../docs/environment-variables.md") == settings::to_markdown());
}
