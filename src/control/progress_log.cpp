#include "progress_log.hpp"

#include "load_driver.hpp"
#include "outcome.hpp"

namespace aiperf::control {

namespace {

api::SystemState state_of(const std::string& stage) {
    if (stage == "preparing") {
        return api::SystemState::configuring;
    }
    return stage == "exporting" || stage == "done" ? api::SystemState::processing : api::SystemState::profiling;
}

void fill(api::PhaseProgress& progress, const Snapshot& snapshot) {
    progress.sent = snapshot.sent;
    progress.completed = snapshot.completed;
    progress.errors = snapshot.errors;
    progress.sessions_sent = snapshot.sessions_sent;
    progress.sessions_completed = snapshot.sessions_completed;
    progress.requests_per_second = snapshot.requests_per_second;
    progress.eta_s = snapshot.eta_s;
}

std::vector<api::WorkerProgress> workers_of(LoadDriver& driver) {
    load::SharedState& state = driver.state();
    std::vector<api::WorkerProgress> workers;
    for (std::uint32_t number = 0; number < state.workers; ++number) {
        const load::WorkerCounters& counters = state.counters(number);
        api::WorkerProgress& worker = workers.emplace_back();
        worker.id = "worker_" + std::to_string(number);
        worker.pid = driver.worker_pid(number);
        worker.status = driver.worker_status(number);
        worker.completed = counters.completed.load(std::memory_order_relaxed);
        worker.total = counters.sent.load(std::memory_order_relaxed);
        worker.failed = counters.errors.load(std::memory_order_relaxed);
    }
    return workers;
}

void add(std::vector<api::MetricSnapshot>& metrics,
         const char* tag,
         const char* header,
         const LivePercentiles& percentiles) {
    api::MetricSnapshot metric{tag, header, "ms", {}};
    if (percentiles.p50_ms) {
        metric.statistics.emplace_back("p50", *percentiles.p50_ms);
    }
    if (percentiles.p99_ms) {
        metric.statistics.emplace_back("p99", *percentiles.p99_ms);
    }
    if (!metric.statistics.empty()) {
        metrics.push_back(std::move(metric));
    }
}

std::vector<api::MetricSnapshot> live_metrics(const Snapshot& snapshot) {
    std::vector<api::MetricSnapshot> metrics;
    add(metrics, "time_to_first_token", "Time to First Token", snapshot.time_to_first_token);
    add(metrics, "inter_token_latency", "Inter Token Latency", snapshot.inter_token_latency);
    metrics.push_back(
        {"request_throughput", "Request Throughput", "requests/sec", {{"avg", snapshot.requests_per_second}}});
    return metrics;
}

}  // namespace

void ProgressLog::begin(const schedule::Phase& phase) {
    const std::int64_t now = anchor_.to_wall_ns(base::now_ns());
    if (!phases_.empty() && !phases_.back().requests_end_ns) {
        phases_.back().requests_end_ns = now;
    }
    api::PhaseProgress& progress = phases_.emplace_back();
    progress.name = phase.name;
    progress.start_ns = now;
    progress.requests_asked = phase.requests;
    progress.sessions_asked = phase.sessions;
    const auto seconds = [](base::Nanoseconds duration) { return std::chrono::duration<double>(duration).count(); };
    if (phase.duration) {
        progress.duration_asked_s = seconds(*phase.duration);
    }
    if (phase.grace) {
        progress.grace_asked_s = seconds(*phase.grace);
    }
}

void ProgressLog::freeze(LoadDriver& driver, const schedule::Phase& phase, base::Instant phase_start) {
    load::SharedState& state = driver.state();
    workers_ = workers_of(driver);
    if (phases_.empty()) {
        return;
    }
    const std::int64_t now = anchor_.to_wall_ns(base::now_ns());
    fill(phases_.back(), live_snapshot(state, phase, phase_start, phase.name));
    phases_.back().sent_end_ns = now;
    phases_.back().requests_end_ns = now;
    phases_.back().was_cancelled = state.stop.load() == static_cast<std::uint32_t>(load::Stop::in_flight);
    phases_.back().eta_s.reset();
}

api::Progress ProgressLog::look(const std::string& stage,
                                LoadDriver* driver,
                                const schedule::Phase& phase,
                                base::Instant phase_start) const {
    api::Progress progress;
    progress.system_state = state_of(stage);
    progress.phases = phases_;
    progress.workers = workers_;
    if (driver != nullptr) {
        progress.workers = workers_of(*driver);
        if (!progress.phases.empty()) {
            const Snapshot snapshot = live_snapshot(driver->state(), phase, phase_start, stage);
            fill(progress.phases.back(), snapshot);
            progress.metrics = live_metrics(snapshot);
        }
    }
    progress.updated_at_ns = anchor_.to_wall_ns(base::now_ns());
    return progress;
}

}  // namespace aiperf::control
