#include "aiperf/control/calibration.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/mock/server.hpp"
#include "aiperf/process/helper.hpp"
#include "build_id.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

using namespace aiperf;
using Catch::Matchers::Contains;
using config::RunConfig;
using control::Environment;
using validity::Calibration;
using validity::Typical;

namespace {

namespace fs = std::filesystem;

RunConfig resolved() {
    RunConfig config;
    config.model_names = {"m"};
    config.urls = {"http://localhost:8000"};
    config.arrival_pattern = config::ArrivalPattern::concurrency_burst;
    config.concurrency = 4;
    config.workers_max = 1;
    return config;
}

void put(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// A machine as its /proc tells.
void put_machine(const fs::path& root, const std::string& processor, const std::string& kernel) {
    put(root / "proc/cpuinfo", "processor\t: 0\nmodel name\t: " + processor + "\n");
    put(root / "proc/sys/kernel/osrelease", kernel + "\n");
}

Calibration some() {
    Calibration calibration;
    calibration.durations[0] = Typical{0.25, 1.5};
    calibration.requests_per_second = 1000;
    calibration.events_per_second = 2000;
    calibration.cpu_us_per_request = 12.5;
    return calibration;
}

Environment surroundings(const test::TemporaryDirectory& folder) {
    Environment environment;
    environment.variables = {{"AIPERF_CACHE_DIR", (folder.path() / "cache").string()},
                             {"TMPDIR", folder.path().string()}};
    environment.working_directory = folder.path();
    return environment;
}

RunConfig small_load() {
    RunConfig config;
    config.model_names = {"m"};
    config.tokenizer = std::string(AIPERF_TEST_DATA) + "/golden/tokenizer";
    config.streaming = true;
    config.isl_mean = 12;
    config.osl_mean = 5;
    config.request_rate = 200;
    config.arrival_pattern = config::ArrivalPattern::constant;
    return config;
}

std::size_t scratch_directories(const fs::path& folder) {
    const fs::directory_iterator all(folder);
    return static_cast<std::size_t>(std::count_if(begin(all), end(all), [](const fs::directory_entry& entry) {
        return entry.path().filename().string().starts_with("aiperf-calibrate-");
    }));
}

}  // namespace

TEST_CASE("a calibration holds for a shape of load, whatever the server and however long") {
    const RunConfig load = resolved();
    const std::string key = control::calibration_key(load, {});
    RunConfig other = load;
    other.urls = {"http://elsewhere:1"};
    other.model_names = {"another"};
    other.request_count = 5;
    other.benchmark_duration = 60;
    other.random_seed = 3;
    other.artifact_directory = "there";
    CHECK(control::calibration_key(other, {}) == key);
    std::set<std::string> keys{key};
    const auto differs = [&](auto change) {
        RunConfig changed = load;
        change(changed);
        CHECK(keys.insert(control::calibration_key(changed, {})).second);
    };
    differs([](RunConfig& c) { c.streaming = true; });
    differs([](RunConfig& c) { c.concurrency = 5; });
    differs([](RunConfig& c) { c.workers_max = 2; });
    differs([](RunConfig& c) { c.request_rate = 10; });
    differs([](RunConfig& c) { c.arrival_pattern = config::ArrivalPattern::gamma; });
    differs([](RunConfig& c) { c.arrival_smoothness = 2; });
    differs([](RunConfig& c) { c.isl_mean = 551; });
    differs([](RunConfig& c) { c.osl_mean = 64; });
    differs([](RunConfig& c) { c.osl_stddev = 1; });
    differs([](RunConfig& c) { c.session_turns_mean = 3; });
    differs([](RunConfig& c) { c.session_turn_delay_mean = 10; });
    differs([](RunConfig& c) { c.endpoint_type = config::EndpointType::completions; });
    differs([](RunConfig& c) { c.connection_reuse_strategy = config::ConnectionReuse::never; });
}

TEST_CASE("a calibration is of one machine and of one build") {
    const test::TemporaryDirectory folder;
    put_machine(folder.path() / "a", "Fast 9000", "6.1.0");
    put_machine(folder.path() / "b", "Slow 1000", "6.1.0");
    put_machine(folder.path() / "c", "Fast 9000", "6.2.0");
    std::set<std::string> keys;
    for (const char* machine : {"a", "b", "c"}) {
        keys.insert(control::calibration_key(resolved(), {}, folder.path() / machine));
    }
    CHECK(keys.size() == 3);
    const std::string key = control::calibration_key(resolved(), {}, folder.path() / "a");
    CHECK_THAT(key, Contains("Fast 9000") && Contains("6.1.0"));
    CHECK(control::calibration_key(resolved(), {}, folder.path() / "a") == key);
    // Workers in processes run another program than this one.
    CHECK(control::calibration_key(resolved(), process::find_helper({}), folder.path() / "a") != key);
}

TEST_CASE("programs have an id of the linker's, other files have none") {
    const std::string own = control::build_id_of(process::own_file());
    CHECK(own.size() == 40);
    CHECK(own.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(control::build_id_of(process::find_helper({})) != own);
    const test::TemporaryDirectory folder;
    CHECK(control::build_id_of(folder.path() / "missing").empty());
    put(folder.path() / "text", "no program");
    CHECK(control::build_id_of(folder.path() / "text").empty());
    const std::string program = text_of(process::own_file()).substr(0, 200);
    for (std::size_t size = 0; size < program.size(); size += 8) {
        put(folder.path() / "cut", program.substr(0, size));
        CHECK(control::build_id_of(folder.path() / "cut").empty());
    }
}

TEST_CASE("the cache lies where the environment says") {
    settings::Settings settings;
    CHECK(control::cache_directory(settings, {}).empty());
    CHECK(control::cache_directory(settings, {{"HOME", "/home/a"}}) == "/home/a/.cache/aiperf-cpp");
    CHECK(control::cache_directory(settings, {{"HOME", "/home/a"}, {"XDG_CACHE_HOME", "/c"}}) == "/c/aiperf-cpp");
    CHECK(control::cache_directory(settings, {{"HOME", "/home/a"}, {"XDG_CACHE_HOME", "relative"}}) ==
          "/home/a/.cache/aiperf-cpp");
    settings.cache.dir = "/mine";
    CHECK(control::cache_directory(settings, {{"XDG_CACHE_HOME", "/c"}}) == "/mine");
}

TEST_CASE("what is kept is found under its key, and under no other") {
    const test::TemporaryDirectory folder;
    const fs::path cache = folder.path() / "made" / "cache";
    std::vector<std::string> warnings;
    CHECK_FALSE(control::read_calibration(cache, "key", warnings).has_value());
    control::write_calibration(cache, "key", some());
    control::write_calibration(cache, "key", some());  // over the first
    CHECK(control::read_calibration(cache, "key", warnings) == some());
    CHECK_FALSE(control::read_calibration(cache, "another", warnings).has_value());
    CHECK(warnings.empty());
    CHECK(std::distance(fs::directory_iterator(cache), {}) == 1);  // no temporary file
}

TEST_CASE("a cache that cannot be written is an error that names it") {
    const test::TemporaryDirectory folder;
    put(folder.path() / "file", "");
    CHECK_THROWS_WITH(control::write_calibration(folder.path() / "file" / "cache", "key", some()),
                      Contains((folder.path() / "file" / "cache").string()));
}

TEST_CASE("a damaged file is no calibration, wherever it is cut, and is warned of") {
    const test::TemporaryDirectory folder;
    control::write_calibration(folder.path(), "key", some());
    const fs::path file = control::calibration_file(folder.path(), "key");
    const std::string whole = text_of(file);
    for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
        put(file, whole.substr(0, size));
        std::vector<std::string> warnings;
        REQUIRE_FALSE(control::read_calibration(folder.path(), "key", warnings).has_value());
        REQUIRE(warnings.size() == 1);
        REQUIRE_THAT(warnings[0], Contains(file.string()) && Contains("ignored"));
    }
}

TEST_CASE("a file of another machine, version or kind is no calibration, and is warned of") {
    const test::TemporaryDirectory folder;
    control::write_calibration(folder.path(), "key", some());
    const fs::path file = control::calibration_file(folder.path(), "key");
    const std::string whole = text_of(file);
    const auto with = [&whole](const std::string& from, const std::string& to) {
        std::string text = whole;
        return text.replace(text.find(from), from.size(), to);
    };
    for (const std::string& text : {with("\"key\": \"key\"", "\"key\": \"other\""),
                                    with("\"key\": \"key\"", "\"key\": 3"),
                                    with("\"format\": 1", "\"format\": 2"),
                                    with("0.25", "-0.25"),
                                    with("0.25", "\"0.25\""),
                                    with("\"calibration\"", "\"calibrations\""),
                                    std::string("[]"),
                                    std::string("null"),
                                    std::string("\xff\xfe{")}) {
        INFO(text);
        put(file, text);
        std::vector<std::string> warnings;
        CHECK_FALSE(control::read_calibration(folder.path(), "key", warnings).has_value());
        CHECK(warnings.size() == 1);
    }
}

TEST_CASE("a load that the null server cannot have is refused before anything starts") {
    const test::TemporaryDirectory folder;
    const auto refused = [&](auto change) {
        RunConfig config = small_load();
        change(config);
        try {
            const control::Calibrator calibrator(config, surroundings(folder));
        } catch (const base::ConfigError& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    CHECK(refused([](RunConfig&) {}).empty());
    CHECK_THAT(refused([](RunConfig& c) { c.http_version = config::HttpVersion::v2; }), Contains("HTTP/1.1"));
    CHECK_THAT(refused([](RunConfig& c) { c.urls = {"https://localhost"}; }), Contains("TLS"));
    CHECK_THAT(refused([](RunConfig& c) { c.urls = {"unix:///run/x.sock"}; }), Contains("TCP"));
    CHECK_THAT(refused([](RunConfig& c) { c.concurrency = 0; }), Contains("--concurrency"));
    CHECK(fs::is_empty(folder.path()));
    Environment nowhere = surroundings(folder);
    nowhere.variables.clear();
    CHECK_THROWS_WITH(control::Calibrator(small_load(), nowhere), Contains("AIPERF_CACHE_DIR"));
}

TEST_CASE("a calibration of a load is found by a run of the same load, which tells the ratio") {
    const config::Backend backend = GENERATE(config::Backend::thread, config::Backend::process);
    const test::TemporaryDirectory folder;
    const Environment environment = surroundings(folder);
    mock::Options options;
    options.usage = mock::UsageMode::always;
    const mock::Server server(options);
    RunConfig load = small_load();
    load.backend = backend;
    Calibration found;
    {
        control::Calibrator calibrator(load, environment);
        calibrator.start(server.url());
        found = calibrator.finish();
        CHECK(fs::exists(calibrator.file()));
    }
    CHECK(scratch_directories(folder.path()) == 0);
    CHECK(std::all_of(found.durations.begin(), found.durations.end(), [](const auto& own) { return own.has_value(); }));
    CHECK(found.requests_per_second > 0);
    CHECK(found.events_per_second > found.requests_per_second);
    CHECK(found.cpu_us_per_request > 0);

    load.urls = {server.url()};
    load.request_count = 20;
    load.artifact_directory = "artifacts";
    const control::Result result = control::run(load, environment);
    REQUIRE(result.calibration.has_value());
    CHECK(*result.calibration == found);
    CHECK_THAT(control::console_text(result), Contains("Calibration: ") && Contains("request_latency: p50 "));
    CHECK_THAT(text_of(folder.path() / "artifacts/profile_export_aiperf.json"), Contains("\"calibration\": {"));
    CHECK(control::reopen("artifacts", environment).calibration == found);

    load.isl_mean = 13;  // another load
    load.artifact_directory = "others";
    const control::Result other = control::run(load, environment);
    CHECK_FALSE(other.calibration.has_value());
    CHECK_THAT(control::console_text(other), !Contains("Calibration"));
    CHECK_THAT(text_of(folder.path() / "others/profile_export_aiperf.json"), !Contains("calibration"));
}

TEST_CASE("a calibration that is cancelled, or that fails, keeps nothing") {
    const test::TemporaryDirectory folder;
    mock::Options options;
    options.error_rate = GENERATE(0.0, 1.0);
    const mock::Server server(options);
    {
        control::Calibrator calibrator(small_load(), surroundings(folder));
        control::Run& run = calibrator.start(server.url());
        if (options.error_rate == 0) {
            run.cancel();
        }
        CHECK_THROWS_AS(calibrator.finish(), base::RunError);
    }
    CHECK(scratch_directories(folder.path()) == 0);
    CHECK_FALSE(fs::exists(folder.path() / "cache"));
}
