#include "report_fixture.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace aiperf::test {
namespace {

std::pair<std::string, std::string> header_of(const std::string& text) {
    const std::size_t colon = text.find(':');
    return {text.substr(0, colon), text.substr(text.find_first_not_of(' ', colon + 1))};
}

void set_load(config::RunConfig& config, const std::string& flag, const std::string& value) {
    if (flag == "--request-count") {
        config.request_count = std::stoull(value);
    } else if (flag == "--concurrency") {
        config.concurrency = static_cast<std::uint32_t>(std::stoul(value));
    } else if (flag == "--request-rate") {
        config.request_rate = std::stod(value);
    } else if (flag == "--arrival-pattern") {
        config.arrival_pattern = config::ArrivalPattern::constant;
    } else if (flag == "--export-level") {
        config.export_level = config::ExportLevel::raw;
    } else if (flag == "--ui") {
        config.ui = config::UiType::none;
    } else {
        throw std::runtime_error("the test does not know " + flag);
    }
}

void set_endpoint(config::RunConfig& config, const std::string& flag, const std::string& value) {
    if (flag == "--endpoint-type") {
        config.endpoint_type = config::EndpointType::completions;
    } else if (flag == "--extra-inputs") {
        config.extra_inputs.push_back(value);
    } else if (flag == "--header" || flag == "-H") {
        config.headers.push_back(header_of(value));
    } else if (flag == "--custom-endpoint") {
        config.custom_endpoint = value;
    } else if (flag == "--session-header") {
        config.session_header = value;
    } else {
        set_load(config, flag, value);
    }
}

void set_value(config::RunConfig& config, const std::string& flag, const std::string& value) {
    if (flag == "-m") {
        config.model_names = {value};
    } else if (flag == "--tokenizer") {
        config.tokenizer = value;
    } else if (flag == "--url") {
        config.urls = {value};
    } else if (flag == "--artifact-dir") {
        config.artifact_directory = value;
    } else if (flag == "--random-seed") {
        config.random_seed = std::stoull(value);
    } else if (flag == "--isl") {
        config.isl_mean = static_cast<std::uint32_t>(std::stoul(value));
    } else if (flag == "--isl-stddev") {
        config.isl_stddev = std::stod(value);
    } else if (flag == "--osl") {
        config.osl_mean = static_cast<std::uint32_t>(std::stoul(value));
    } else if (flag == "--osl-stddev") {
        config.osl_stddev = std::stod(value);
    } else if (flag == "--num-dataset-entries") {
        config.num_dataset_entries = std::stoull(value);
    } else {
        set_endpoint(config, flag, value);
    }
}

bool set_switch(config::RunConfig& config, const std::string& flag) {
    if (flag == "--streaming") {
        config.streaming = true;
    } else if (flag == "--use-server-token-count") {
        config.use_server_token_count = true;
    } else if (flag == "--use-legacy-max-tokens") {
        config.use_legacy_max_tokens = true;
    } else {
        return flag == "--no-gpu-telemetry" || flag == "--no-server-metrics";
    }
    return true;
}

}  // namespace

config::RunConfig config_of(const GoldenCase& golden) {
    config::RunConfig config;
    for (std::size_t i = 1; i < golden.arguments.size(); ++i) {
        if (!set_switch(config, golden.arguments[i])) {
            set_value(config, golden.arguments[i], golden.arguments.at(i + 1));
            ++i;
        }
    }
    if (!golden.summary.is_null()) {
        config.cli_command = golden.summary.at("run_info").at("cli_command").get<std::string>();
    }
    return config;
}

ListDataset dataset_of(const GoldenCase& golden) {
    std::vector<ListDataset::Conversation> entries;
    const Json inputs = Json::parse(read_file(golden.directory / "artifacts" / "inputs.json"));
    for (const Json& session : inputs.at("data")) {
        auto& [id, bodies] =
            entries.emplace_back(session.at("session_id").get<std::string>(), std::vector<std::string>{});
        for (const Json& payload : session.at("payloads")) {
            bodies.push_back(payload.dump());
        }
    }
    return ListDataset(std::move(entries));
}

TemporaryDirectory::TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "aiperf-report-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("no temporary directory");
    }
    path_ = name;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> TemporaryDirectory::names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
        out.push_back(entry.path().filename().string());
    }
    std::sort(out.begin(), out.end());
    return out;
}

GoldenRun::GoldenRun(const std::string& name)
    : golden(load_golden_case(name)),
      config(config_of(golden)),
      records(golden.records()),
      summary(metric::summarise(records, golden.context)),
      dataset(dataset_of(golden)) {}

report::ReportInput GoldenRun::input() const {
    const bool cancelled = golden.context.cancelled;
    return {.config = config,
            .records = records,
            .summary = summary,
            .context = golden.context,
            .benchmark_id = golden.summary.is_null() ? "0" : golden.summary.at("benchmark_id").get<std::string>(),
            .version = golden.summary.is_null() ? "0" : golden.summary.at("aiperf_version").get<std::string>(),
            .ending = cancelled ? report::Ending::cancelled : report::Ending::complete,
            .error = {},
            .conversation_ids = golden.conversation_ids,
            .dataset = &dataset,
            .artifacts = {},
            .notes = {},
            .log_file = {}};
}

}  // namespace aiperf::test
