#include "aiperf/control/calibration.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/base/version.hpp"
#include "aiperf/config/resolve.hpp"
#include "aiperf/config/url.hpp"
#include "aiperf/config/words.hpp"
#include "aiperf/process/helper.hpp"
#include "aiperf/report/atomic_file.hpp"
#include "aiperf/report/calibration_json.hpp"
#include "build_id.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace aiperf::control {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int k_format = 1;  // of the file
constexpr double k_warmup_s = 0.5;
constexpr double k_measured_s = 2.0;
constexpr double k_grace_s = 2.0;
constexpr double k_request_timeout_s = 5.0;
constexpr const char* k_no_cache =
    "no directory for calibrations: AIPERF_CACHE_DIR, XDG_CACHE_HOME or HOME may name one";

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

/// What the first processor is called; empty where the system does not say.
std::string processor_of(const fs::path& root) {
    const std::string text = text_of(root / "proc/cpuinfo");
    for (const std::string_view line : base::split(text, '\n')) {
        if (line.starts_with("model name") && line.find(':') != std::string_view::npos) {
            return std::string(base::trim(line.substr(line.find(':') + 1)));
        }
    }
    return {};
}

Json machine_of(const fs::path& root) {
    const std::string kernel = text_of(root / "proc/sys/kernel/osrelease");
    return Json{{"processor", processor_of(root)},
                {"cores", ::sysconf(_SC_NPROCESSORS_ONLN)},
                {"kernel", kernel.substr(0, kernel.find('\n'))}};
}

Json build_of(const fs::path& helper) {
    return Json{{"version", base::version()}, {"id", build_id_of(helper.empty() ? process::own_file() : helper)}};
}

template <class Value>
Json or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}

/// What makes work for the client; not for how long it does it.
Json shape_of(const config::RunConfig& config, bool processes) {
    return Json{{"backend", processes ? "process" : "thread"},
                {"workers", or_null(config.workers_max)},
                {"endpoint_type", config::to_string(config.endpoint_type)},
                {"streaming", config.streaming},
                {"connection_reuse", config::to_string(config.connection_reuse_strategy)},
                {"concurrency", or_null(config.concurrency)},
                {"request_rate", or_null(config.request_rate)},
                {"arrival_pattern", config::to_string(*config.arrival_pattern)},
                {"arrival_smoothness", or_null(config.arrival_smoothness)},
                {"isl", {config.isl_mean, config.isl_stddev}},
                {"osl", {or_null(config.osl_mean), config.osl_stddev}},
                {"turns", {config.session_turns_mean, config.session_turns_stddev}},
                {"turn_delay",
                 {config.session_turn_delay_mean * config.session_delay_ratio,
                  config.session_turn_delay_stddev * config.session_delay_ratio}}};
}

/// FNV-1a: the key itself is in the file.
std::string name_of(std::string_view key) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char c : key) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    std::array<char, 20> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
    return text.data();
}

/// The asked load against `url`, for a few seconds: whatever is not the load's shape is left out.
config::RunConfig null_run(const config::RunConfig& asked, const std::string& url, const fs::path& scratch) {
    config::RunConfig run;
    run.model_names = asked.model_names;
    run.urls = {url};
    run.endpoint_type = asked.endpoint_type;
    run.streaming = asked.streaming;
    run.request_timeout_seconds = k_request_timeout_s;
    run.connection_reuse_strategy = asked.connection_reuse_strategy;
    run.use_server_token_count = true;  // counting is no part of the load, and takes longer than the load does
    run.random_seed = asked.random_seed;
    run.isl_mean = asked.isl_mean;
    run.isl_stddev = asked.isl_stddev;
    run.osl_mean = asked.osl_mean;
    run.osl_stddev = asked.osl_stddev;
    run.session_turns_mean = asked.session_turns_mean;
    run.session_turns_stddev = asked.session_turns_stddev;
    run.session_turn_delay_mean = asked.session_turn_delay_mean;
    run.session_turn_delay_stddev = asked.session_turn_delay_stddev;
    run.session_delay_ratio = asked.session_delay_ratio;
    run.tokenizer = asked.tokenizer;
    run.concurrency = asked.concurrency;
    run.request_rate = asked.request_rate;
    run.arrival_pattern = asked.request_rate ? asked.arrival_pattern : std::nullopt;
    run.arrival_smoothness = asked.request_rate ? asked.arrival_smoothness : std::nullopt;
    run.workers_max = asked.workers_max;
    run.warmup_duration = k_warmup_s;  // opens the connections
    run.warmup_grace_period = k_grace_s;
    run.benchmark_duration = k_measured_s;
    run.benchmark_grace_period = k_grace_s;
    run.backend = asked.backend;
    run.artifact_directory = scratch.string();
    run.export_level = config::ExportLevel::summary;
    run.ui = config::UiType::none;
    return run;
}

fs::path make_scratch(const Environment& environment) {
    const auto given = environment.variables.find("TMPDIR");
    const fs::path folder = given == environment.variables.end() || given->second.empty() ? "/tmp" : given->second;
    std::string name = (folder / "aiperf-calibrate-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw base::SystemError("cannot make the directory " + name, errno);
    }
    return name;
}

std::uint64_t events_in(const record::RecordSet& set) {
    std::uint64_t events = 0;
    const auto& phases = set.info().phases;
    for (const record::Record& record : set.records()) {
        const bool measured = record.phase < phases.size() && phases[record.phase].profiling;
        events += measured ? set.events(record).size() : 0;
    }
    return events;
}

void require_good(const Result& result) {
    if (!result.error.empty()) {
        throw base::RunError("the calibration has failed: " + result.error);
    }
    if (result.status != Status::complete) {
        throw base::RunError("the calibration was ended before it was complete: nothing is kept");
    }
    if (result.summary.valid == 0) {
        throw base::RunError("no request of this load was due in " + base::number_text(k_measured_s) +
                             " s: a client hardly adds anything to it");
    }
    if (result.summary.failed > 0) {
        throw base::RunError(std::to_string(result.summary.failed) + " requests to the null server have failed: " +
                             result.summary.errors.front().details.message + "; nothing is kept");
    }
}

}  // namespace

std::string why_not_calibrated(const config::RunConfig& config) {
    if (config.http_version == config::HttpVersion::v2) {
        return "the null server speaks HTTP/1.1 only (--http-version 1.1)";
    }
    const bool plain = std::all_of(config.urls.begin(), config.urls.end(), [](const std::string& url) {
        return config::parse_url(url).scheme == config::Scheme::http;
    });
    return plain ? std::string{} : "the null server speaks HTTP without TLS over TCP only (--url http://...)";
}

std::string calibration_key(const config::RunConfig& config, const fs::path& helper, const fs::path& root) {
    return Json{
        {"machine", machine_of(root)}, {"build", build_of(helper)}, {"shape", shape_of(config, !helper.empty())}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
}

fs::path cache_directory(const settings::Settings& settings, const std::map<std::string, std::string>& variables) {
    const auto below = [&variables](const char* name, const char* path) {
        const auto found = variables.find(name);
        return found == variables.end() || found->second.empty() ? fs::path{} : found->second / fs::path(path);
    };
    if (settings.cache.dir) {
        return *settings.cache.dir;
    }
    const fs::path standard = below("XDG_CACHE_HOME", "aiperf-cpp");
    return standard.is_absolute() ? standard : below("HOME", ".cache/aiperf-cpp");
}

fs::path calibration_file(const fs::path& directory, const std::string& key) {
    return directory / ("calibration-" + name_of(key) + ".json");
}

void write_calibration(const fs::path& directory, const std::string& key, const validity::Calibration& calibration) {
    std::error_code failure;
    fs::create_directories(directory, failure);
    if (failure) {
        throw base::SystemError("cannot make the directory " + directory.string(), failure.value());
    }
    const Json content{{"format", k_format}, {"key", key}, {"calibration", report::calibration_json(calibration)}};
    report::AtomicFile file(calibration_file(directory, key));
    file.append(content.dump(2) + "\n");
    file.publish();
}

std::optional<validity::Calibration> read_calibration(const fs::path& directory,
                                                      const std::string& key,
                                                      std::vector<std::string>& warnings) {
    const fs::path path = calibration_file(directory, key);
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
        return std::nullopt;
    }
    const auto content = nlohmann::json::parse(text_of(path), nullptr, false);
    if (!content.is_object() || content.value("format", nlohmann::json()) != k_format ||
        !content.contains("calibration")) {
        warnings.push_back(path.string() + " is damaged, or of another version, and is ignored: " +
                           "aiperf-cpp calibrate makes it anew");
        return std::nullopt;
    }
    if (content.value("key", nlohmann::json()) != key) {
        warnings.push_back(path.string() + " is of another machine, build or load, and is ignored");
        return std::nullopt;
    }
    auto calibration = report::read_calibration(content["calibration"]);
    if (!calibration) {
        warnings.push_back(path.string() + " is damaged and is ignored: aiperf-cpp calibrate makes it anew");
    }
    return calibration;
}

Calibrator::Calibrator(config::RunConfig config, Environment environment)
    : config_(std::move(config)),
      environment_(std::move(environment)) {
    const auto settings = settings::Settings::from(environment_.variables);
    const config::RunConfig resolved = config::resolve(config_, config::Resources::of_machine(settings));
    if (const std::string why = why_not_calibrated(resolved); !why.empty()) {
        throw base::ConfigError(why);
    }
    cache_ = cache_directory(settings, environment_.variables);
    if (cache_.empty()) {
        throw base::ConfigError(k_no_cache);
    }
    cache_ = environment_.working_directory / cache_;
    fs::path helper;
    if (config_.backend == config::Backend::process) {
        helper = process::find_helper(settings.process.helper);
    }
    key_ = calibration_key(resolved, helper);
    // Neither a proxy nor a results server belongs to it, and the journal goes with the rest.
    for (const char* name : {"AIPERF_HTTP_TRUST_ENV", "AIPERF_API_SERVER_PORT", "AIPERF_JOURNAL_DIR"}) {
        environment_.variables.erase(name);
    }
}

Calibrator::~Calibrator() {
    run_.reset();
    if (!scratch_.empty()) {
        std::error_code ignored;  // it is in the directory for such things
        fs::remove_all(scratch_, ignored);
    }
}

Run& Calibrator::start(const std::string& url) {
    scratch_ = make_scratch(environment_);
    run_ = std::make_unique<Run>(null_run(config_, url, scratch_), environment_);
    run_->start();
    return *run_;
}

validity::Calibration Calibrator::finish() {
    run_->close();
    const Result& result = run_->result();
    require_good(result);
    const validity::Calibration calibration = validity::calibration_from(
        result.summary, {result.summary.valid, events_in(*result.records), result.worker_cpu_s});
    write_calibration(cache_, key_, calibration);
    return calibration;
}

fs::path Calibrator::file() const {
    return calibration_file(cache_, key_);
}

}  // namespace aiperf::control
