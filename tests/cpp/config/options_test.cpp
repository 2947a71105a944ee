#include "aiperf/config/options.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/config/words.hpp"
#include "registry.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

using namespace aiperf;
using config::Option;
using config::RunConfig;
using nlohmann::json;
using Values = std::vector<std::string>;

namespace {

/// Where our table differs from AIPerf's, as "key.what": each with its reason.
const std::map<std::string, std::string> k_differences{
    {"urls.default", "the scheme is added when the run is prepared"},
    {"ui.default", "auto: the dashboard on a terminal, else plain lines"},
    {"ui.choices", "auto is a word of its own"},
    {"endpoint_type.choices", "the other types are refused as not supported yet"},
    {"log_level.choices", "the same words, in lower case here"},
    {"num_dataset_entries.default", "absent until the run is prepared: the number of sessions, or 100"},
    {"arrival_pattern.default", "absent until the run is prepared: poisson with a rate"},
    {"benchmark_grace_period.default", "absent until the run is prepared: 30 with a duration"},
    {"artifact_directory.default", "absent until the run is prepared: a directory below artifacts"},
    {"api_port.range", "0 is allowed and means any free port"},
    {"request_timeout_seconds.range", "0 is allowed and means no limit"},
    {"warmup_request_count.range", "an integer above 0 is one from 1 on"},
};

/// Options that AIPerf does not have.
const std::set<std::string_view> k_ours{"backend",
                                        "api_socket",
                                        "api_linger",
                                        "on_worker_death",
                                        "fail_on",
                                        "http_version",
                                        "streams_per_connection",
                                        "tls_ca_file",
                                        "tls_ca_directory",
                                        "tls_certificate",
                                        "tls_key",
                                        "tls_min_version",
                                        "source_addresses",
                                        "follow_redirects"};

json entry_of(const json& flags, std::string_view flag) {
    for (const json& entry : flags) {
        for (const json& name : entry["names"]) {
            if (name.get<std::string>() == flag) {
                return entry;
            }
        }
    }
    FAIL("AIPerf has no flag " << flag);
    return {};
}

std::string refusal(std::string_view name, const Values& values) {
    RunConfig config;
    const RunConfig before = config;
    try {
        config::set_from_text(config, name, values);
    } catch (const base::ConfigError& error) {
        REQUIRE(config == before);
        return error.what();
    }
    return "accepted";
}

std::set<std::string> split_set(std::string text, char separator) {
    std::set<std::string> pieces;
    for (const std::string_view piece : base::split(text, separator)) {
        pieces.emplace(base::trim(piece));
    }
    return pieces;
}

}  // namespace

TEST_CASE("names, defaults, choices and ranges are AIPerf's, but for the listed differences") {
    const json registry = test::registry("cli.json");
    std::set<std::string> differences;
    for (const Option& option : config::options()) {
        if (option.flags.empty() || k_ours.contains(option.key)) {
            continue;
        }
        const json theirs = entry_of(registry["flags"], option.label());
        const auto differs = [&](const char* what) { differences.insert(std::string(option.key) + "." + what); };
        CAPTURE(option.key);
        REQUIRE(split_set(std::string(option.flags), ' ') == theirs["names"].get<std::set<std::string>>());
        REQUIRE(option.several == theirs.value("several", false));
        REQUIRE_FALSE(theirs.contains("negative"));
        json default_value = json::parse(config::get_as_json_text(RunConfig{}, option));
        if (theirs["default"].is_string() && option.key == "log_level") {
            default_value = base::lower(theirs["default"].get<std::string>()) == default_value.get<std::string>()
                                ? theirs["default"]
                                : default_value;
        }
        if (default_value != theirs["default"]) {
            differs("default");
        }
        const std::string allowed = option.allowed();
        if (theirs.contains("choices")) {
            REQUIRE(allowed.starts_with("one of "));
            if (split_set(allowed.substr(7), ',') != theirs["choices"].get<std::set<std::string>>()) {
                differs("choices");
            }
        }
        const json range = theirs.value("range", json::object());
        if (range.contains("ge") && (option.range.above_min || option.range.min != range["ge"].get<double>())) {
            differs("range");
        }
        if (range.contains("gt") && (!option.range.above_min || option.range.min != range["gt"].get<double>())) {
            differs("range");
        }
        if (range.contains("le") && option.range.max != range["le"].get<double>()) {
            differs("range");
        }
    }
    std::set<std::string> listed;
    for (const auto& [difference, reason] : k_differences) {
        listed.insert(difference);
    }
    REQUIRE(differences == listed);
}

TEST_CASE("keys and flags are unique, and each finds its option") {
    std::set<std::string> seen;
    for (const Option& option : config::options()) {
        REQUIRE(seen.insert(std::string(option.key)).second);
        REQUIRE(config::find_option(option.key) == &option);
        for (const std::string_view flag : base::split(option.flags, ' ')) {
            if (flag.starts_with("--")) {
                REQUIRE(config::find_option(flag) == &option);
            }
            REQUIRE((flag.empty() || seen.insert(std::string(flag)).second));
        }
    }
    REQUIRE(config::find_option("isl")->key == "isl_mean");
    REQUIRE(config::find_option("url")->key == "urls");
    REQUIRE(config::find_option("artifact_dir")->key == "artifact_directory");
    REQUIRE(config::find_option("nonsense") == nullptr);
}

TEST_CASE("every field of the configuration is a row of the table") {
    RunConfig config;
    const std::map<std::string, Values> samples{{"backend", {"process"}},
                                                {"on_worker_death", {"continue"}},
                                                {"fail_on", {"suspect"}},
                                                {"http_version", {"auto"}},
                                                {"tls_min_version", {"1.3"}},
                                                {"source_addresses", {"127.0.0.2"}},
                                                {"model_names", {"m"}},
                                                {"urls", {"http://h"}},
                                                {"headers", {"A:b"}},
                                                {"extra_inputs", {"a:b"}},
                                                {"endpoint_type", {"completions"}},
                                                {"arrival_pattern", {"gamma"}},
                                                {"warmup_arrival_pattern", {"gamma"}},
                                                {"url_strategy", {"round-robin"}},
                                                {"connection_reuse_strategy", {"sticky_user_sessions"}},
                                                {"wait_for_model_mode", {"both"}},
                                                {"export_level", {"raw"}},
                                                {"ui", {"none"}},
                                                {"session_turns_mean", {"2"}},
                                                {"session_delay_ratio", {"0.5"}},
                                                {"log_level", {"error"}}};
    for (const Option& option : config::options()) {
        const auto sample = samples.find(std::string(option.key));
        config::set_from_text(config, option.key, sample != samples.end() ? sample->second : Values{"1"});
    }
    // Each member named: a field without a row keeps its default and shows here.
    const RunConfig d;
    REQUIRE((config.model_names != d.model_names && config.urls != d.urls && config.endpoint_type != d.endpoint_type));
    REQUIRE((config.custom_endpoint != d.custom_endpoint && config.streaming && config.api_key));
    REQUIRE((config.request_timeout_seconds == 1.0 && config.use_legacy_max_tokens && config.use_server_token_count));
    REQUIRE((config.session_header && !config.headers.empty() && !config.extra_inputs.empty() && config.random_seed));
    REQUIRE((config.num_sessions && config.session_turns_mean == 2 && config.session_turns_stddev == 1));
    REQUIRE((config.session_turn_delay_mean == 1.0 && config.session_turn_delay_stddev == 1.0));
    REQUIRE((config.session_delay_ratio == 0.5 && config.warmup_num_sessions));
    REQUIRE((config.num_dataset_entries == 1U && config.isl_mean == 1 && config.isl_stddev == 1.0 && config.osl_mean));
    REQUIRE((config.osl_stddev == 1.0 && config.tokenizer && config.concurrency && config.request_rate));
    REQUIRE((config.arrival_pattern && config.arrival_smoothness && config.request_count));
    REQUIRE((config.benchmark_duration && config.benchmark_grace_period && config.warmup_request_count));
    REQUIRE((config.workers_max && config.artifact_directory && config.export_level != d.export_level));
    REQUIRE((config.failed_request_threshold && config.warmup_duration && config.warmup_concurrency));
    REQUIRE((config.warmup_request_rate && config.warmup_arrival_pattern && config.warmup_grace_period));
    REQUIRE((config.connection_reuse_strategy != d.connection_reuse_strategy && config.wait_for_model_timeout == 1.0));
    REQUIRE((config.wait_for_model_mode != d.wait_for_model_mode && config.wait_for_model_interval == 1.0));
    REQUIRE((config.http_version != d.http_version && config.tls_min_version != d.tls_min_version));
    REQUIRE((config.tls_ca_file && config.tls_ca_directory && config.tls_certificate && config.tls_key));
    REQUIRE((!config.source_addresses.empty() && config.follow_redirects == 1));
    REQUIRE((config.streams_per_connection == 1 && config.api_socket && config.api_linger));
    REQUIRE((config.ui != d.ui && config.log_level != d.log_level && config.cli_command == "1"));
}

TEST_CASE("a refusal names the option, the value and what is allowed") {
    REQUIRE(refusal("--concurrency", {"abc"}) == "--concurrency: 'abc' is not allowed; an integer >= 1");
    REQUIRE(refusal("concurrency", {"0"}) == "concurrency: '0' is not allowed; an integer >= 1");
    REQUIRE(refusal("--concurrency", {"99999999999999999999"}) ==
            "--concurrency: '99999999999999999999' is not allowed; an integer from 1 to 1000000");
    REQUIRE(refusal("--request-rate", {"nan"}) == "--request-rate: 'nan' is not allowed; a number > 0");
    REQUIRE(refusal("--endpoint-type", {"chatt"}) ==
            "--endpoint-type: 'chatt' is not allowed; one of chat, completions");
    REQUIRE(refusal("--endpoint-type", {"Embeddings"}) ==
            "--endpoint-type: 'Embeddings' is not supported yet; one of chat, completions");
    REQUIRE(refusal("--streaming", {"maybe"}) == "--streaming: 'maybe' is not allowed; true or false");
    REQUIRE(refusal("--tokenizer", {""}) == "--tokenizer: (empty) is not allowed; a text without control characters");
    REQUIRE(refusal("--isl", {"5", "6"}) == "--isl: given more than once");
    REQUIRE(refusal("--workers-max", {"0"}) == "--workers-max: '0' is not allowed; an integer from 1 to 10000");
}

TEST_CASE("lists of values that AIPerf sweeps over are refused as such") {
    REQUIRE(refusal("--concurrency", {"1,2,4"}) ==
            "--concurrency: '1,2,4': a list of values (a sweep) is not supported yet; one value");
    REQUIRE(refusal("--request-rate", {"0.5,2"}).find("a sweep") != std::string::npos);
    REQUIRE(refusal("--concurrency", {"1,x"}) == "--concurrency: '1,x' is not allowed; an integer >= 1");
}

TEST_CASE("no numeric option takes NaN, other infinities, huge, negative or broken numbers") {
    for (const Option& option : config::options()) {
        const std::string allowed = option.allowed();
        if (!allowed.starts_with("an integer") && !allowed.starts_with("a number")) {
            continue;
        }
        for (const char* text :
             {"", " ", "nan", "NaN", "-inf", "infinity x", "-1", "1e999", "0x10", "1 2", "1\n", "--1"}) {
            CAPTURE(option.key, text);
            REQUIRE(refusal(option.key, {text}).starts_with(std::string(option.key) + ": "));
        }
        const bool takes_inf = refusal(option.key, {"inf"}) == "accepted";
        REQUIRE(takes_inf == (option.key == "benchmark_grace_period"));
    }
}

TEST_CASE("words are read in any case, with either dash") {
    REQUIRE(config::from_word<config::ArrivalPattern>("Concurrency-Burst") ==
            config::ArrivalPattern::concurrency_burst);
    REQUIRE(config::from_word<config::LogLevel>("INFO") == config::LogLevel::info);
    REQUIRE_FALSE(config::from_word<config::UiType>("fancy"));
    REQUIRE(config::from_word<config::ConnectionReuse>("sticky_user_sessions") ==
            config::ConnectionReuse::sticky_user_sessions);
    REQUIRE(config::to_string(config::ConnectionReuse::sticky_user_sessions) == "sticky-user-sessions");
    REQUIRE(config::to_string(config::EndpointType::completions) == "completions");
}

TEST_CASE("headers are read as Name:Value or as a JSON object") {
    RunConfig config;
    config::set_from_text(config, "headers", Values{"X-Test: one:two", R"({"A": "b", "C": "d"})"});
    REQUIRE(config.headers == config::NamedValues{{"X-Test", "one:two"}, {"A", "b"}, {"C", "d"}});
    for (const char* bad : {"novalue", ":x", "two words:x", "A:b\r\nEvil: c", "{\"A\": 5}", ""}) {
        CAPTURE(bad);
        REQUIRE(refusal("headers", {bad}).starts_with("headers: "));
    }
}

TEST_CASE("extra inputs are key:value or a JSON object, one member each") {
    REQUIRE(refusal("extra_inputs", {"temperature:0.5", R"({"a": {"b": [1]}})", "stop:a,b"}) == "accepted");
    for (const char* bad : {"notkv", ":5", "{broken", "[1]", "", "temperature:0.5,top_p:1"}) {
        CAPTURE(bad);
        REQUIRE(refusal("extra_inputs", {bad}).starts_with("extra_inputs: "));
    }
}

TEST_CASE("no error repeats a secret") {
    for (const auto& [name, value] : std::map<std::string, std::string>{
             {"api_key", "s3cret\x01"}, {"headers", "Authorization s3cret"}, {"urls", "https://user:s3cret@host"}}) {
        const std::string message = refusal(name, {value});
        CAPTURE(name, message);
        REQUIRE(message != "accepted");
        REQUIRE(message.find("s3cret") == std::string::npos);
    }
    REQUIRE(refusal("headers", {"Authorization:s3cret\x01"}).find("s3cret") == std::string::npos);
}

TEST_CASE("unknown names are answered with the nearest, AIPerf's with not supported yet") {
    REQUIRE(refusal("concurency", {"1"}) == "concurency: unknown option; did you mean concurrency?");
    REQUIRE(refusal("goodput", {"1"}) == "goodput: not supported yet");
}
