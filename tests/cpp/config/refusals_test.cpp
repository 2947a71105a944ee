#include "aiperf/base/error.hpp"
#include "aiperf/config/command_line.hpp"
#include "aiperf/config/options.hpp"
#include "registry.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

using namespace aiperf;
using Words = std::vector<std::string>;

namespace {

/// Command lines that AIPerf runs, or hangs on, and this program refuses: the flag named, and why.
struct Difference {
    std::string flag;
    std::string reason;
};

const std::map<std::string, Difference> k_differences{
    {"user-centric and request rate", {"--user-centric-rate", "the load mode is missing here"}},
    {"user context without entries", {"--user-context-prompt-length", "prefix prompts are missing here"}},
    {"goodput unknown tag", {"--goodput", "goodput is missing here; AIPerf hangs"}},
    {"rate ramp with fixed schedule", {"--request-rate-ramp-duration", "ramps are missing here"}},
    {"streaming embeddings", {"--endpoint-type", "the endpoint is missing here"}},
};

/// What passes here: because it is allowed, or because only a run's preparation can tell.
const std::map<std::string, std::string> k_accepted{
    {"api port 0", "any free port; api.json says which"},
    {"request count and sessions", "the first of the two ends the run, as AIPerf does"},
    {"api host without port", "refused when the environment is known, which may give the port"},
};

/// "" = accepted.
std::string refusal(const Words& words) {
    try {
        config::validate(config::parse_command_line(words).config);
    } catch (const base::ConfigError& error) {
        return error.what();
    }
    return {};
}

/// The flags a case adds to what all cases carry.
Words own_flags(const Words& arguments) {
    static const Words k_common{
        "-m", "--tokenizer", "--ui", "--no-gpu-telemetry", "--no-server-metrics", "--artifact-dir"};
    Words flags;
    for (const std::string& word : arguments) {
        if (word.starts_with("--") && std::find(k_common.begin(), k_common.end(), word) == k_common.end()) {
            flags.push_back(word);
        }
    }
    return flags;
}

}  // namespace

TEST_CASE("what AIPerf refuses, runs into or hangs on is refused with the flag's name") {
    const auto cases = test::registry("refusals.json")["cases"];
    REQUIRE(cases.size() == 54);
    for (const auto& row : cases) {
        Words arguments = row["args"];
        arguments.erase(arguments.begin());
        const std::string name = row["case"];
        const std::string message = refusal(arguments);
        const bool refused_there = row["aiperf"].get<std::string>().starts_with("refused");
        CAPTURE(name, message);
        if (k_accepted.contains(name)) {
            REQUIRE(message.empty());
            continue;
        }
        REQUIRE_FALSE(message.empty());
        REQUIRE(message.find('\n') == std::string::npos);
        if (const auto difference = k_differences.find(name); difference != k_differences.end()) {
            REQUIRE_FALSE(refused_there);
            REQUIRE(message.starts_with(difference->second.flag + ": "));
            continue;
        }
        REQUIRE(refused_there);
        const Words flags = name == "no model" ? Words{"--model-names"} : own_flags(arguments);
        REQUIRE(std::any_of(flags.begin(), flags.end(), [&](const std::string& flag) {
            return message.starts_with(flag + ": ") || message.starts_with(flag + " ");
        }));
    }
}

TEST_CASE("the flags that all recorded runs carry are accepted") {
    REQUIRE(refusal({"-m",
                     "m",
                     "--tokenizer",
                     "t",
                     "--url",
                     "http://127.0.0.1:9",
                     "--ui",
                     "none",
                     "--no-gpu-telemetry",
                     "--no-server-metrics",
                     "--artifact-dir",
                     "a",
                     "--random-seed",
                     "42",
                     "--streaming",
                     "--isl",
                     "24",
                     "--osl",
                     "12",
                     "--request-count",
                     "9",
                     "--concurrency",
                     "2",
                     "--num-dataset-entries",
                     "6",
                     "--export-level",
                     "raw",
                     "--isl-stddev",
                     "6",
                     "--osl-stddev",
                     "3"})
                .empty());
}
