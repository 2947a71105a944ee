#include "outcome.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/version.hpp"
#include "aiperf/dataset/synthetic.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "aiperf/report/artifacts.hpp"
#include "aiperf/report/console.hpp"
#include "aiperf/validity/evidence.hpp"

#include <algorithm>
#include <utility>

namespace aiperf::control {

namespace {

bool is_stopped(const Result& result) noexcept {
    return result.status == Status::incomplete && result.error_type == k_too_many_failures;
}

report::Ending report_ending(const Result& result) noexcept {
    if (is_stopped(result)) {
        return report::Ending::stopped;
    }
    switch (result.status) {
        case Status::complete: return report::Ending::complete;
        case Status::cancelled: return report::Ending::cancelled;
        case Status::running:
        case Status::incomplete: break;
    }
    return report::Ending::incomplete;
}

report::ReportInput report_input(const Result& result) {
    return {.config = result.config,
            .records = *result.records,
            .summary = result.summary,
            .context = context_of(result),
            .benchmark_id = result.benchmark_id,
            .version = base::version(),
            .ending = report_ending(result),
            .error = result.error,
            .conversation_ids = {},
            .dataset = nullptr,
            .artifacts = result.artifacts,
            .notes = result.notes,
            .validity = &result.validity,
            .calibration = result.calibration ? &*result.calibration : nullptr,
            .log_file = {}};
}

std::vector<std::string> conversation_ids(std::uint64_t entries) {
    std::vector<std::string> ids;
    ids.reserve(entries);
    for (std::uint64_t entry = 0; entry < entries; ++entry) {
        ids.push_back(dataset::SyntheticConversations::id(entry));
    }
    return ids;
}

/// How many data-set entries the records speak of.
std::uint64_t entries_in(const record::RecordSet& set) {
    std::uint64_t entries = 0;
    for (const record::Record& record : set.records()) {
        entries = std::max(entries, std::uint64_t{record.conversation} + 1);
    }
    return entries;
}

std::shared_ptr<const record::RecordSet> records_of(const Preparation& prepared, const Outcome& outcome) {
    if (outcome.folder != nullptr && std::filesystem::exists(prepared.journal_directory / "records")) {
        return std::make_shared<const record::JournalReader>(prepared.journal_directory);
    }
    record::RunInfo info;
    info.anchor = base::WallAnchor::take();
    return std::make_shared<const record::MemoryRecordSet>(info, std::vector<record::MemoryRecordSet::Row>{});
}

}  // namespace

metric::Context context_of(const Result& result) noexcept {
    return {.streaming = result.config.streaming,
            .use_server_token_count = result.config.use_server_token_count,
            .open_loop = result.config.request_rate.has_value(),
            .cancelled = result.status == Status::cancelled || is_stopped(result)};
}

void fill_result(Result& result, const dataset::Dataset* dataset, std::uint64_t entries, bool export_files) {
    const metric::Context context = context_of(result);
    result.summary = metric::summarise(*result.records, context);
    validity::add_records(*result.records, context.open_loop, result.validity.evidence);
    result.validity = validity::judge(result.validity.evidence, result.validity.thresholds);
    if (result.error.empty() && result.status == Status::complete && result.summary.valid == 0) {
        result.error_type = "RunError";
        result.error = "all " + std::to_string(result.summary.failed) + " requests failed";
        if (!result.summary.errors.empty()) {
            result.error += "; the most frequent error: " + result.summary.errors.front().details.type + ": " +
                            result.summary.errors.front().details.message;
        }
    }
    if (!export_files) {
        return;
    }
    report::ReportInput input = report_input(result);
    input.dataset = dataset;
    if (dataset == nullptr) {
        // Of two numbers read back from a disk, one may be damaged and past all memory.
        input.conversation_ids = conversation_ids(std::min(entries, entries_in(*result.records)));
    }
    try {
        result.artifacts = report::write_artifacts(input, result.artifact_directory);
    } catch (const report::ExportError& error) {
        result.artifacts = error.written();
        result.failed_exporters = error.failed();
        throw;
    }
}

void Outcome::fail(std::string what, const char* type) {
    if (error.empty()) {
        error = std::move(what);
        error_type = type;
    }
}

void Outcome::conclude(bool export_files) {
    result.config = prepared.asked;
    result.benchmark_id = prepared.benchmark_id();
    result.notes = prepared.notes;
    result.notes.insert(result.notes.end(), notes.begin(), notes.end());
    result.artifact_directory = prepared.artifact_directory;
    result.error = error;
    result.error_type = error_type;
    result.status = !error.empty() ? Status::incomplete : Status::complete;
    if (cancelled && export_files) {
        result.status = Status::cancelled;
        result.error.clear();
        result.error_type.clear();
    } else if (cancelled && folder != nullptr) {
        result.status = Status::incomplete;
        result.error = "ended at once, without artifacts; the journal is whole";
        result.error_type = "RunError";
        result.aborted = true;
    }
    result.validity.thresholds = prepared.thresholds;
    result.calibration = prepared.calibration;
    result.records = records_of(prepared, *this);
    fill_result(result, plan.dataset.get(), prepared.config.num_dataset_entries.value_or(0), export_files);
}

Snapshot live_snapshot(load::SharedState& state,
                       const schedule::Phase& phase,
                       base::Instant phase_start,
                       const std::string& stage) {
    Snapshot snapshot;
    snapshot.phase = stage;
    base::Sketch first_token;
    base::Sketch inter_token;
    for (std::uint32_t worker = 0; worker < state.workers; ++worker) {
        const load::WorkerCounters& counters = state.counters(worker);
        snapshot.completed += counters.completed.load(std::memory_order_relaxed);
        snapshot.sent += counters.sent.load(std::memory_order_relaxed);
        snapshot.errors += counters.errors.load(std::memory_order_relaxed);
        snapshot.retries += counters.retries.load(std::memory_order_relaxed);
        snapshot.sessions_sent += counters.sessions_sent.load(std::memory_order_relaxed);
        snapshot.sessions_completed += counters.sessions_completed.load(std::memory_order_relaxed);
        first_token.merge(counters.time_to_first_token);
        inter_token.merge(counters.inter_token_latency);
    }
    snapshot.in_flight = snapshot.sent - std::min(snapshot.sent, snapshot.completed);
    const auto milliseconds = [](const base::Sketch& sketch, double q) {
        const std::optional<double> ns = sketch.quantile(q);
        return ns ? std::optional(*ns * 1e-6) : std::nullopt;
    };
    snapshot.time_to_first_token = {milliseconds(first_token, 0.5), milliseconds(first_token, 0.99)};
    snapshot.inter_token_latency = {milliseconds(inter_token, 0.5), milliseconds(inter_token, 0.99)};
    snapshot.requests_asked = phase.requests;
    snapshot.elapsed_s = std::chrono::duration<double>(base::now() - phase_start).count();
    if (snapshot.elapsed_s > 0) {
        snapshot.requests_per_second = static_cast<double>(snapshot.completed) / snapshot.elapsed_s;
    }
    if (phase.requests && snapshot.completed > 0) {
        const std::uint64_t left = *phase.requests - std::min(*phase.requests, snapshot.completed);
        snapshot.eta_s = static_cast<double>(left) / snapshot.requests_per_second;
    }
    if (phase.duration) {
        snapshot.duration_asked_s = std::chrono::duration<double>(*phase.duration).count();
        const double left = std::max(0.0, *snapshot.duration_asked_s - snapshot.elapsed_s);
        snapshot.eta_s = std::min(snapshot.eta_s.value_or(left), left);
    }
    return snapshot;
}

std::string console_text(const Result& result, std::size_t width, bool ansi) {
    report::ReportInput input = report_input(result);
    if (const auto log = result.artifact_directory / k_log_file; std::filesystem::exists(log)) {
        input.log_file = log;
    }
    return report::console_report(input, {.width = width, .ansi = ansi});
}

}  // namespace aiperf::control
