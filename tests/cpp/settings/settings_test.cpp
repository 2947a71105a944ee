#include "aiperf/settings/settings.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/settings/table.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <vector>

using namespace aiperf;
using namespace std::chrono_literals;
using settings::Settings;
using Environment = std::map<std::string, std::string>;

namespace {

std::string refusal(const Environment& environment) {
    try {
        (void)Settings::from(environment);
    } catch (const base::ConfigError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("an empty environment gives the defaults the struct itself has") {
    std::vector<std::string> warnings;
    REQUIRE(Settings::from({}, &warnings) == Settings{});
    REQUIRE(warnings.empty());
}

TEST_CASE("the table's default texts give the defaults the struct itself has") {
    Environment environment;
    for (const settings::Variable& variable : settings::variables()) {
        if (!variable.default_text.empty()) {
            environment.emplace(variable.name, variable.default_text);
        }
    }
    REQUIRE(Settings::from(environment) == Settings{});
}

TEST_CASE("every variable changes the settings") {
    for (const settings::Variable& variable : settings::variables()) {
        CAPTURE(variable.name);
        std::string other = "elsewhere";
        switch (variable.kind) {
            case settings::Kind::boolean: other = variable.default_text == "true" ? "false" : "true"; break;
            case settings::Kind::integer:
            case settings::Kind::number:
                other = std::to_string(static_cast<long long>(variable.max) - (variable.max > 1e6 ? 1 : 0));
                break;
            case settings::Kind::choice: other = variable.name == "AIPERF_API_SERVER_AUTH" ? "none" : "6"; break;
            case settings::Kind::list: other = R"(["elsewhere"])"; break;
            case settings::Kind::text: break;
        }
        REQUIRE_FALSE(Settings::from({{std::string(variable.name), other}}) == Settings{});
    }
}

TEST_CASE("values are read with their units") {
    const Settings s = Settings::from({{"AIPERF_HTTP_CONNECT_TIMEOUT", "0.25"},
                                       {"AIPERF_HTTP_TCP_USER_TIMEOUT", "1500"},
                                       {"AIPERF_HTTP_TCP_KEEPIDLE", "7"},
                                       {"AIPERF_HTTP_IP_VERSION", "AUTO"},
                                       {"AIPERF_HTTP_X_SESSION_AFFINITY_FROM_CORRELATION_ID", "no"},
                                       {"AIPERF_JOURNAL_DIR", "/var/tmp"}});
    REQUIRE(s.http.connect_timeout == 250ms);
    REQUIRE(s.http.tcp_user_timeout == 1500ms);
    REQUIRE(s.http.tcp_keepidle == 7s);
    REQUIRE(s.http.ip_version == settings::IpVersion::any);
    REQUIRE_FALSE(s.http.x_session_affinity_from_correlation_id);
    REQUIRE(s.journal.dir == "/var/tmp");
}

TEST_CASE("a value that is not allowed is refused with variable, value and range") {
    REQUIRE(refusal({{"AIPERF_UI_CONSOLE_EXPORT_WIDTH", "wide"}}) ==
            "AIPERF_UI_CONSOLE_EXPORT_WIDTH: 'wide' is not allowed; an integer from 40 to 10000");
    REQUIRE(refusal({{"AIPERF_JOURNAL_DIR", ""}}) == "AIPERF_JOURNAL_DIR: (empty) is not allowed; a text");
    REQUIRE(refusal({{"AIPERF_HTTP_IP_VERSION", "5"}}) ==
            "AIPERF_HTTP_IP_VERSION: '5' is not allowed; one of 4, 6, auto");
}

TEST_CASE("no variable takes empty text, a wrong kind, or a number outside its range") {
    for (const settings::Variable& variable : settings::variables()) {
        std::vector<std::string> bad{""};
        if (variable.kind == settings::Kind::integer || variable.kind == settings::Kind::number) {
            bad.insert(bad.end(), {"nan", "inf", "-inf", "abc", "1 ", "1e99", "99999999999999999999", "-1", "12x"});
            bad.push_back(std::to_string(static_cast<long long>(variable.max) + 1));
        }
        if (variable.kind == settings::Kind::integer) {
            bad.emplace_back("40.5");
        }
        if (variable.kind == settings::Kind::list) {
            bad.insert(bad.end(), {"*", "[1]", "[\"a\"", "{}", "null", "\"a\""});
        }
        if (variable.kind == settings::Kind::boolean || variable.kind == settings::Kind::choice) {
            bad.emplace_back("perhaps");
        }
        for (const std::string& text : bad) {
            const std::string message = refusal({{std::string(variable.name), text}});
            CAPTURE(variable.name, text, message);
            REQUIRE(message.starts_with(std::string(variable.name) + ": "));
            REQUIRE(message.ends_with(variable.allowed()));
        }
    }
}

TEST_CASE("variables without an effect here and unknown ones give one warning each") {
    std::vector<std::string> warnings;
    const Settings s = Settings::from({{"AIPERF_DATASET_MMAP_CACHE_ENABLED", "false"},
                                       {"AIPERF_HTTP_KEPALIVE_TIMEOUT", "3"},
                                       {"AIPERF_QUITE_ANOTHER_THING_ALTOGETHER", "1"},
                                       {"HOME", "/root"}},
                                      &warnings);
    REQUIRE(s == Settings{});
    REQUIRE(warnings.size() == 3);
    REQUIRE(warnings[0] == "AIPERF_DATASET_MMAP_CACHE_ENABLED has no effect: this program has nothing it would change");
    REQUIRE(warnings[1] ==
            "AIPERF_HTTP_KEPALIVE_TIMEOUT is unknown and has no effect; did you mean AIPERF_HTTP_KEEPALIVE_TIMEOUT?");
    REQUIRE(warnings[2].starts_with("AIPERF_QUITE_ANOTHER_THING_ALTOGETHER is unknown"));
}

TEST_CASE("the results server's grace is 5 s where nobody says, and 0 and 300 are allowed") {
    const std::string name = "AIPERF_API_SERVER_POST_COMPLETE_GRACE";
    REQUIRE(Settings::from({}).api_server.post_complete_grace == 5s);
    REQUIRE(Settings::from({{name, "0"}}).api_server.post_complete_grace == 0s);
    REQUIRE(Settings::from({{name, "300"}}).api_server.post_complete_grace == 300s);
    REQUIRE(Settings::from({{name, "0.2"}}).api_server.post_complete_grace == 200ms);
    REQUIRE(Settings::from({{"AIPERF_API_SERVER_PORT", "9090"}}).api_server.port == 9090);
    REQUIRE_FALSE(Settings::from({}).api_server.port.has_value());
}

TEST_CASE("a grace that is no length from 0 to 300 seconds is refused with name, value and range") {
    const std::string name = "AIPERF_API_SERVER_POST_COMPLETE_GRACE";
    for (const std::string text : {"-0.1", "300.1", "nan", "inf", "-inf", "five", "5s", "1e300"}) {
        REQUIRE(refusal({{name, text}}) == name + ": '" + text + "' is not allowed; a number from 0 to 300");
    }
    REQUIRE(refusal({{name, ""}}) == name + ": (empty) is not allowed; a number from 0 to 300");
}
