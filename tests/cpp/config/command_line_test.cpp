#include "aiperf/config/command_line.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/config/options.hpp"
#include "registry.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

using namespace aiperf;
using config::CommandFlag;
using config::Option;
using config::parse_command_line;
using config::RunConfig;
using Words = std::vector<std::string>;

namespace {

RunConfig parse(const Words& words) {
    return parse_command_line(words).config;
}

std::string refusal(const Words& words) {
    try {
        (void)parse_command_line(words);
    } catch (const base::ConfigError& error) {
        return error.what();
    }
    return "accepted";
}

/// A value unlike the default, for the flag alone.
Words sample(const Option& option) {
    static const std::map<std::string_view, std::string> k_words{{"urls", "h:1"},
                                                                 {"headers", "A:b"},
                                                                 {"extra_inputs", "a:b"},
                                                                 {"endpoint_type", "completions"},
                                                                 {"arrival_pattern", "constant"},
                                                                 {"warmup_arrival_pattern", "constant"},
                                                                 {"failed_request_threshold", "0.5"},
                                                                 {"url_strategy", "round_robin"},
                                                                 {"connection_reuse_strategy", "never"},
                                                                 {"wait_for_model_mode", "both"},
                                                                 {"export_level", "raw"},
                                                                 {"ui", "simple"},
                                                                 {"backend", "process"},
                                                                 {"http_version", "2"},
                                                                 {"tls_min_version", "1.3"},
                                                                 {"source_addresses", "::1"},
                                                                 {"on_worker_death", "continue"},
                                                                 {"fail_on", "invalid"},
                                                                 {"session_turns_mean", "2"},
                                                                 {"session_delay_ratio", "0.5"},
                                                                 {"log_level", "error"}};
    if (option.is_switch()) {
        return {};
    }
    const auto found = k_words.find(option.key);
    return {found != k_words.end() ? found->second : "7"};
}

RunConfig without_command(RunConfig config) {
    config.cli_command.clear();
    return config;
}

}  // namespace

TEST_CASE("each flag alone changes the configuration, and all names of an option do the same") {
    for (const Option& option : config::options()) {
        std::vector<RunConfig> configs;
        for (const std::string_view flag : base::split(option.flags, ' ')) {
            if (flag.empty()) {
                continue;
            }
            Words words{std::string(flag)};
            const Words values = sample(option);
            words.insert(words.end(), values.begin(), values.end());
            configs.push_back(without_command(parse(words)));
            CAPTURE(flag);
            const bool has_choice = option.allowed() != "one of round_robin";  // one word is no choice
            REQUIRE((configs.back() == RunConfig{}) != has_choice);
            REQUIRE(configs.back() == configs.front());
        }
    }
}

TEST_CASE("flags that are no options change the log level, or ask for what is so anyway") {
    for (const CommandFlag& flag : config::command_flags()) {
        for (const std::string_view name : base::split(flag.flags, ' ')) {
            CAPTURE(name);
            Words words{std::string(name)};
            switch (flag.meaning) {
                case CommandFlag::Meaning::verbose: REQUIRE(parse(words).log_level == config::LogLevel::debug); break;
                case CommandFlag::Meaning::extra_verbose:
                    REQUIRE(parse(words).log_level == config::LogLevel::trace);
                    break;
                case CommandFlag::Meaning::help: REQUIRE(parse_command_line(words).help); break;
                case CommandFlag::Meaning::already_so:
                    // Off is what they ask for and what is so: nothing to change, nothing to warn about.
                    REQUIRE(without_command(parse(words)) == RunConfig{});
                    words.front() += "=false";
                    REQUIRE(refusal(words).find("not supported yet") != std::string::npos);
                    break;
                case CommandFlag::Meaning::only_value:
                    words.emplace_back(flag.value);
                    REQUIRE(without_command(parse(words)) == RunConfig{});
                    words.back() = "other";
                    REQUIRE(refusal(words).find("not supported yet") != std::string::npos);
                    break;
            }
        }
    }
}

TEST_CASE("every flag of AIPerf is taken, or refused by name") {
    const auto registry = test::registry("cli.json");
    for (const auto& entry : registry["flags"]) {
        Words names = entry["names"];
        for (const auto& negative : entry.value("negative", nlohmann::json::array())) {
            names.push_back(negative);
        }
        for (const std::string& name : names) {
            const std::string message = refusal({name});
            CAPTURE(name, message);
            const bool own = config::find_option(name) != nullptr && name.starts_with("--");
            REQUIRE(message.find("unknown") == std::string::npos);
            REQUIRE((own || message == "accepted" || message.starts_with(name + ": not supported yet") ||
                     message == name + ": a value is missing"));
        }
    }
}

TEST_CASE("a flag may carry its value behind an equals sign, a short one right behind its letter") {
    REQUIRE(parse({"--concurrency=3"}).concurrency == 3);
    REQUIRE(parse({"-mllama", "-u", "h:1"}).model_names == Words{"llama"});
    REQUIRE(parse({"-vmllama"}).model_names == Words{"llama"});
    REQUIRE(parse({"--extra-inputs={\"a\": \"b=c\"}"}).extra_inputs == Words{"{\"a\": \"b=c\"}"});
    REQUIRE_FALSE(parse({"--streaming=false"}).streaming);
    REQUIRE(parse({"--streaming=true"}).streaming);
    REQUIRE(parse({"--custom-endpoint=", "--streaming"}).custom_endpoint == "");
    REQUIRE(parse({"--custom-endpoint", ""}).custom_endpoint == "");
    REQUIRE(refusal({"--tokenizer=", "--streaming"}).starts_with("--tokenizer: (empty) is not allowed"));
}

TEST_CASE("lists take values by repeating the flag, some also several behind one") {
    REQUIRE(parse({"--url", "a:1", "b:2", "--streaming", "-u", "c:3"}).urls == Words{"a:1", "b:2", "c:3"});
    REQUIRE(parse({"-H", "A:1", "B:2", "--header", "C:3"}).headers ==
            config::NamedValues{{"A", "1"}, {"B", "2"}, {"C", "3"}});
    REQUIRE(parse({"--extra-inputs", "a:1", "{\"b\": [1, 2]}"}).extra_inputs == Words{"a:1", "{\"b\": [1, 2]}"});
    REQUIRE(parse({"-m", "a,b", "--model", "c"}).model_names == Words{"a", "b", "c"});
    REQUIRE(refusal({"-m", "a", "b"}) == "unexpected argument 'b'");
}

TEST_CASE("an IPv6 address in brackets is no list") {
    REQUIRE(parse({"--url", "[::1]"}).urls == Words{"[::1]"});
}

TEST_CASE("one v is debug, two are trace, and a finer level given by name stays") {
    REQUIRE(parse({"-v"}).log_level == config::LogLevel::debug);
    REQUIRE(parse({"-vv"}).log_level == config::LogLevel::trace);
    REQUIRE(parse({"--log-level", "TRACE", "-v"}).log_level == config::LogLevel::trace);
}

TEST_CASE("errors name the flag as it was typed") {
    REQUIRE(refusal({"--isl", "0"}) == "--isl: '0' is not allowed; an integer >= 1");
    REQUIRE(refusal({"--num-requests=-1"}) == "--num-requests: '-1' is not allowed; an integer >= 1");
    REQUIRE(refusal({"--request-count", "-1"}) == "--request-count: '-1' is not allowed; an integer >= 1");
    REQUIRE(refusal({"--concurrency", "1", "--concurrency", "2"}) == "--concurrency: given more than once");
    REQUIRE(refusal({"--concurrency"}) == "--concurrency: a value is missing");
    REQUIRE(refusal({"--tokenizer", "--streaming"}) == "--tokenizer: a value is missing before --streaming");
    REQUIRE(refusal({"-H", "novalue"}) == "-H: 'novalue' is not allowed; 'Name:Value'");
}

TEST_CASE("flags that are missing here and unknown ones are refused by name") {
    REQUIRE(refusal({"--goodput", "x:1"}) == "--goodput: not supported yet");
    REQUIRE(refusal({"--goodput=x:1"}) == "--goodput: not supported yet");
    REQUIRE(refusal({"-f", "run.yaml"}) == "-f: not supported yet");
    REQUIRE(refusal({"--concurency", "3"}) == "--concurency: unknown flag; did you mean --concurrency?");
    REQUIRE(refusal({"--no-streaming"}).starts_with("--no-streaming: unknown flag"));
    REQUIRE(refusal({"stray"}) == "unexpected argument 'stray'");
}

TEST_CASE("the command line is kept for the artifacts, redacted") {
    REQUIRE(parse({"-m", "m", "--api-key", "s3cret"}).cli_command ==
            "aiperf-cpp profile -m 'm' --api-key '<redacted>'");
}

TEST_CASE("no cut of a command line does anything but parse or refuse") {
    const Words all{"-m", "m",   "--url=h:1", "-H",   "A:b", "--streaming", "--concurrency",
                    "3",  "-vv", "--ui",      "none", "--x", "--",          "-",
                    "",   "=",   "--=",       "-=",   "[",   "[a]",         "{}"};
    for (std::size_t from = 0; from < all.size(); ++from) {
        for (std::size_t to = from; to <= all.size(); ++to) {
            const Words words(all.begin() + static_cast<std::ptrdiff_t>(from),
                              all.begin() + static_cast<std::ptrdiff_t>(to));
            REQUIRE_FALSE(refusal(words).empty());
        }
    }
}

TEST_CASE("the help names every flag, in lines that fit") {
    const std::string help = config::profile_help(80);
    for (const Option& option : config::options()) {
        for (const std::string_view flag : base::split(option.flags, ' ')) {
            CAPTURE(flag);
            REQUIRE(help.find(flag) != std::string::npos);
        }
    }
    for (const std::string_view line : base::split(help, '\n')) {
        CAPTURE(line);
        REQUIRE((line.size() <= 80 || line.starts_with("  -") || line.starts_with("Measures")));
    }
}
