#include "aiperf/base/ids.hpp"
#include "aiperf/base/rng.hpp"
#include "aiperf/metric/record_metrics.hpp"
#include "aiperf/record/session.hpp"
#include "aiperf/report/number_text.hpp"
#include "artifact_text.hpp"
#include "error_causes.hpp"
#include "json_text.hpp"
#include "redaction.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace aiperf::report {
namespace {

/// Eight hexadecimal digits that are the same for the same name throughout a run.
std::string service_id(const char* kind, std::uint64_t run_key, std::uint64_t number) {
    const std::uint64_t hash = base::mix64(base::derive_seed(run_key, kind) + number);
    char digits[16];
    std::snprintf(digits, sizeof(digits), "%08x", static_cast<unsigned>(hash >> 32U));
    return std::string(kind) + "_" + digits;
}

/// Writes the members of one JSON object, compact.
class Members {
public:
    explicit Members(std::string& out)
        : out_(out) {
        out_ += '{';
    }

    void text(const char* key, std::string_view value) {
        name(key);
        append_json_string(out_, value);
    }

    void number(const char* key, std::int64_t value) {
        name(key);
        out_ += std::to_string(value);
    }

    void boolean(const char* key, bool value) {
        name(key);
        out_ += value ? "true" : "false";
    }

    /// For a value the caller appends.
    void name(std::string_view key) {
        out_ += first_ ? "\"" : ",\"";
        first_ = false;
        out_.append(key).append("\":");
    }

    void close() { out_ += '}'; }

private:
    std::string& out_;
    bool first_ = true;
};

class RecordLines {
public:
    explicit RecordLines(const ReportInput& input)
        : input_(input),
          set_(input.records),
          info_(input.records.info()),
          ids_(info_.run_key),
          processor_(service_id("record_processor", info_.run_key, 0)) {}

    void append(std::size_t slot, std::string& out) {
        const record::Record& record = set_.records()[slot];
        Members line(out);
        line.name("metadata");
        append_metadata(slot, record, out);
        line.name("metrics");
        append_metrics(record, out);
        if (record.error != 0) {
            line.name("error");
            append_error(record, out);
        }
        line.close();
        out += '\n';
    }

private:
    void append_metadata(std::size_t slot, const record::Record& record, std::string& out) {
        const record::PhaseInfo* phase = record.phase < info_.phases.size() ? &info_.phases[record.phase] : nullptr;
        const std::string correlation = ids_.correlation_id(record::session_number(record));
        Members meta(out);
        meta.number("session_num", static_cast<std::int64_t>(slot - (phase != nullptr ? phase->first_slot : 0)));
        meta.text("x_request_id", ids_.request_id(slot));
        meta.text("x_correlation_id", correlation);
        if (const std::string id = input_.conversation_id(record.conversation); !id.empty()) {
            meta.text("conversation_id", id);
        }
        meta.number("turn_index", record.turn);
        append_times(record, meta);
        meta.text("worker_id", worker_id(record.worker));
        meta.text("record_processor_id", processor_);
        if (phase != nullptr) {
            append_phase(*phase, record.phase, meta);
        }
        const bool cancelled = record.error == static_cast<std::uint8_t>(record::ErrorKind::cancelled);
        meta.boolean("was_cancelled", cancelled);
        if (cancelled) {
            meta.number("cancellation_time_ns", wall(record.end_ns));
        }
        meta.boolean("context_overflow_skip", false);
        meta.number("agent_depth", 0);
        meta.text("root_correlation_id", correlation);
        meta.close();
    }

    void append_times(const record::Record& record, Members& meta) const {
        const bool refused = record.error == static_cast<std::uint8_t>(record::ErrorKind::http_status);
        meta.number("credit_issued_ns", wall(metric::credit_issued_ns(record)));
        meta.number("request_start_ns", wall(metric::request_start_ns(record)));
        if (record.headers_ns != 0 && !refused) {
            meta.number("request_ack_ns", wall(record.headers_ns));
        }
        meta.number("request_end_ns", wall(metric::request_end_ns(set_, record)));
    }

    void append_phase(const record::PhaseInfo& phase, std::uint8_t index, Members& meta) const {
        const char* kind = phase.profiling ? "profiling" : "warmup";
        meta.text("benchmark_phase", kind);
        meta.number("phase_index", index);
        if (phase.profiling) {
            const auto before = info_.phases.begin() + index;
            meta.number("profiling_index",
                        std::count_if(info_.phases.begin(), before, [](const auto& p) { return p.profiling; }));
        }
        meta.text("phase_name", phase.name);
        meta.text("phase_kind", kind);
    }

    void append_metrics(const record::Record& record, std::string& out) const {
        Members metrics(out);
        for (const metric::RecordMetric& metric : metric::record_metrics(set_, record, input_.context)) {
            if (metric.values.empty() && !std::isfinite(metric.value)) {
                continue;
            }
            metrics.name(metric.definition->tag);
            Members entry(out);
            entry.name("value");
            append_value(metric, out);
            entry.text("unit", metric.definition->unit.display);
            entry.close();
        }
        metrics.close();
    }

    static void append_value(const metric::RecordMetric& metric, std::string& out) {
        const bool converted = metric.definition->unit.factor != 1.0;
        if (!metric.values.empty()) {
            char separator = '[';
            for (const double value : metric.values) {
                out += separator;
                out += float_repr(value);
                separator = ',';
            }
            out += ']';
        } else if (metric.definition->value_type == metric::ValueType::integer && !converted) {
            out += std::to_string(std::llround(metric.value));
        } else {
            out += float_repr(metric.value);
        }
    }

    void append_error(const record::Record& record, std::string& out) const {
        const record::ErrorDetails details = record::error_details(set_, record);
        Members error(out);
        if (details.code != 0) {
            error.number("code", details.code);
        }
        error.text("type", details.type);
        error.text("message", redact_text(details.message, input_.config));
        const ErrorCauses causes = causes_of(details);
        if (!causes.cause.empty()) {
            error.text("cause", causes.cause);
        }
        if (!causes.chain.empty()) {
            error.name("cause_chain");
            char separator = '[';
            for (const std::string& name : causes.chain) {
                out += separator;
                append_json_string(out, name);
                separator = ',';
            }
            out += ']';
        }
        error.close();
    }

    const std::string& worker_id(std::uint16_t worker) {
        while (workers_.size() <= worker) {
            workers_.push_back(service_id("worker", info_.run_key, workers_.size()));
        }
        return workers_[worker];
    }

    [[nodiscard]] std::int64_t wall(std::int64_t ns) const { return info_.anchor.to_wall_ns(ns); }

    const ReportInput& input_;
    const record::RecordSet& set_;
    const record::RunInfo& info_;
    base::IdSource ids_;
    std::string processor_;
    std::vector<std::string> workers_;
};

/// Slots of the committed records, in order of completion.
std::vector<std::uint32_t> completion_order(const record::RecordSet& set) {
    const auto records = set.records();
    std::vector<std::uint32_t> order;
    order.reserve(records.size());
    for (std::uint32_t slot = 0; slot < records.size(); ++slot) {
        if (records[slot].state == static_cast<std::uint16_t>(record::State::committed)) {
            order.push_back(slot);
        }
    }
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
        return records[a].end_ns < records[b].end_ns;
    });
    return order;
}

}  // namespace

void append_records(const ReportInput& input, AtomicFile& file) {
    RecordLines lines(input);
    std::string line;
    for (const std::uint32_t slot : completion_order(input.records)) {
        line.clear();
        lines.append(slot, line);
        file.append(line);
    }
}

}  // namespace aiperf::report
