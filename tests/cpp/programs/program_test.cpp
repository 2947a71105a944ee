#include "aiperf/base/clock.hpp"
#include "registry.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>
#include <string>
#include <sys/wait.h>
#include <vector>

// The program itself, as a shell sees it.

namespace {

struct Outcome {
    int exit_code = -1;
    std::string out;
    std::string err;
};

std::string quoted(const std::string& word) {
    std::string text = "'";
    for (const char c : word) {
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return text + "'";
}

/// Runs a shell line and gives what it wrote to the pipe.
std::string read_all(const std::string& line, int& exit_code) {
    FILE* const pipe = popen(line.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string text;
    char buffer[4096];
    while (const std::size_t size = std::fread(buffer, 1, sizeof(buffer), pipe)) {
        text.append(buffer, size);
    }
    const int status = pclose(pipe);
    exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return text;
}

/// `environment` is shell text put before the program: "A=1 B=2".
Outcome run(const std::vector<std::string>& arguments, const std::string& environment = "") {
    std::string line = environment + " " + quoted(AIPERF_PROGRAM);
    for (const std::string& argument : arguments) {
        line += " " + quoted(argument);
    }
    Outcome outcome;
    outcome.out = read_all(line + " 2>/dev/null", outcome.exit_code);
    outcome.err = read_all(line + " 2>&1 >/dev/null", outcome.exit_code);
    return outcome;
}

void require_refused(const Outcome& outcome, const std::string& line) {
    REQUIRE(outcome.exit_code == 2);
    REQUIRE(outcome.out.empty());
    REQUIRE(outcome.err == line + "\n");
}

}  // namespace

TEST_CASE("bad input is answered with one line and exit code 2") {
    require_refused(run({"profile", "-m", "m", "--concurrency", "abc"}),
                    "aiperf-cpp: --concurrency: 'abc' is not allowed; an integer >= 1");
    require_refused(run({"profile", "-m", "m", "--goodput", "x:1"}), "aiperf-cpp: --goodput: not supported yet");
    require_refused(run({"profile", "-m", "m", "--tls-key", "key.pem"}),
                    "aiperf-cpp: --tls-key needs --tls-certificate");
    require_refused(run({"profil"}), "aiperf-cpp: unknown command 'profil'; did you mean profile?");
    require_refused(run({"recover"}),
                    "aiperf-cpp: recover takes one argument: the artifact directory of the interrupted run");
    require_refused(run({"settings", "--yaml"}), "aiperf-cpp: settings: '--yaml' is not allowed; --json or --markdown");
}

TEST_CASE("a bad variable is refused before the run") {
    const std::string line =
        "aiperf-cpp: AIPERF_UI_CONSOLE_EXPORT_WIDTH: 'wide' is not allowed; an integer from 40 to 10000";
    require_refused(run({"profile", "-m", "m"}, "AIPERF_UI_CONSOLE_EXPORT_WIDTH=wide"), line);
    require_refused(run({"settings"}, "AIPERF_UI_CONSOLE_EXPORT_WIDTH=wide"), line);
}

TEST_CASE("version and help are on standard output") {
    REQUIRE(run({"--version"}).out == "aiperf-cpp " AIPERF_VERSION "\n");
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"--help"}, {"profile", "--help"}, {"recover", "--help"}, {"settings", "--help"}}) {
        const Outcome outcome = run(words);
        REQUIRE(outcome.exit_code == 0);
        REQUIRE(outcome.out.starts_with("Usage: aiperf-cpp "));
        REQUIRE(outcome.err.empty());
    }
    REQUIRE(run({}).exit_code == 2);
}

TEST_CASE("settings tells values, and warns about variables without an effect") {
    REQUIRE(run({"settings", "--markdown"}).out == aiperf::test::read_test_file("../docs/environment-variables.md"));
    const Outcome outcome = run({"settings", "--json"}, "AIPERF_HTTP_SO_SNDBUF=4096 AIPERF_DEV_MODE=1");
    REQUIRE(outcome.exit_code == 0);
    const auto rows = nlohmann::json::parse(outcome.out);
    REQUIRE(std::any_of(rows.begin(), rows.end(), [](const auto& row) {
        return row["name"] == "AIPERF_HTTP_SO_SNDBUF" && row["value"] == "4096" && row["source"] == "environment";
    }));
    REQUIRE(outcome.err ==
            "aiperf-cpp: warning: AIPERF_DEV_MODE has no effect: this program has nothing it would change\n");
}
