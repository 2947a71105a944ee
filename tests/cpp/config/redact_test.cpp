#include "aiperf/config/redact.hpp"

#include "registry.hpp"

#include <string>
#include <vector>

using namespace aiperf;
using config::redacted_command;
using Words = std::vector<std::string>;

TEST_CASE("the command line is written as AIPerf writes it, under our name") {
    const auto registry = test::registry("cli_commands.json");
    for (const auto& command : registry["commands"]) {
        CAPTURE(command["case"]);
        const Words arguments = command["args"];
        // All the same but for the program's own name.
        const auto recorded = command["cli_command"].get<std::string>();
        REQUIRE(redacted_command(arguments) == "aiperf-cpp" + recorded.substr(std::string("aiperf").size()));
    }
}

TEST_CASE("secrets are redacted in every form in which they can be given") {
    const std::vector<Words> lines{{"profile", "--api-key", "s3cret"},
                                   {"profile", "--api-key=s3cret"},
                                   {"profile", "--api-key", "-s3cret"},
                                   {"profile", "-H", "Authorization: s3cret"},
                                   {"profile", "-HX-API-Key:s3cret"},
                                   {"profile", "--header=api-key:s3cret"},
                                   {"profile", "--header", "X-Test:1", "aeg-sas-key:s3cret"},
                                   {"profile", "-H", R"({"Proxy-Authorization": "s3cret"})"},
                                   {"profile", "--url", "http://user:s3cret@host"},
                                   {"profile", "--url=http://user:s3cret@host/v1"}};
    for (const Words& line : lines) {
        const std::string text = redacted_command(line);
        CAPTURE(text);
        REQUIRE(text.find("s3cret") == std::string::npos);
        REQUIRE(text.find("<redacted>") != std::string::npos);
    }
}

TEST_CASE("the nine headers with credentials are known in any case") {
    for (const char* name : {"Authorization",
                             "PROXY-AUTHORIZATION",
                             "x-api-key",
                             "Api-Key",
                             "Ocp-Apim-Subscription-Key",
                             "x-goog-api-key",
                             "x-functions-key",
                             "aeg-sas-key",
                             "X-Amz-Security-Token"}) {
        REQUIRE(config::is_secret_header(name));
    }
    REQUIRE_FALSE(config::is_secret_header("X-Test"));
}
