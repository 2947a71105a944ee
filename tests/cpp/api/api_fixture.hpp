#pragma once

#include "aiperf/api/run_state.hpp"
#include "aiperf/report/artifacts.hpp"
#include "temporary_directory.hpp"

#include <fstream>
#include <string>

namespace aiperf::test {

/// A run with an artifact directory, as the server sees it.
struct ApiRun {
    TemporaryDirectory directory;
    api::RunState state{facts()};

    [[nodiscard]] api::RunFacts facts() const {
        api::RunFacts facts;
        facts.run_id = "0123456789ab";
        facts.pid = 4711;
        facts.started_at_ns = 1795552735'000000000;
        facts.artifact_directory = directory.path();
        facts.config_json = R"({"endpoint":{"apiKey":null}})";
        facts.random_seed = 42;
        facts.cli_command = "aiperf-cpp profile";
        facts.model = "mo\"del";
        facts.endpoint_type = "chat";
        facts.streaming = true;
        facts.concurrency = 2;
        return facts;
    }

    void write(const std::string& name, const std::string& text) const {
        const std::filesystem::path path = directory.path() / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }

    /// Artifacts, marker, then the status: the order of a real ending.
    void finish(api::Status status = api::Status::complete) {
        write("profile_export_aiperf.json", R"({"request_count":{"avg":60}})");
        write("profile_export_aiperf.csv", "Metric,avg\r\n");
        write("profile_export.jsonl", "{}\n{}\n");
        write(report::k_ready_marker, R"({"ready":true})");
        api::Ending ending;
        ending.status = status;
        ending.results_json = api::results_json(metric::Summary{}, status == api::Status::cancelled);
        state.publish(ending);
    }

    /// Two phases, a worker, two metrics.
    void progress() {
        api::Progress progress;
        progress.system_state = api::SystemState::profiling;
        progress.updated_at_ns = 1795552736'000000000;
        api::PhaseProgress phase;
        phase.name = "profiling";
        phase.start_ns = 1795552735'500000000;
        phase.requests_asked = 30;
        phase.sent = 12;
        phase.completed = 10;
        phase.errors = 1;
        phase.requests_per_second = 4.5;
        phase.eta_s = 4.0;
        progress.phases.push_back(phase);
        progress.workers.push_back({"worker_0", 4711, "healthy", 12, 9, 1});
        progress.metrics.push_back({"request_latency",
                                    "Request Latency",
                                    "ms",
                                    {{"avg", 2.5}, {"p50", 2.0}, {"p99", 9.5}, {"count", 10.0}, {"sum", 25.0}}});
        progress.metrics.push_back({"request_error_rate", "Request Error Rate", "%", {{"avg", 10.0}}});
        state.set_progress(progress);
    }
};

}  // namespace aiperf::test
