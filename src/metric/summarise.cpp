#include "aiperf/metric/definitions.hpp"
#include "aiperf/metric/statistics.hpp"
#include "aiperf/metric/summary.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

namespace aiperf::metric {
namespace {

/// Columns filled in one pass over the records: bounds the memory at 8 bytes times this per request.
constexpr std::size_t k_columns_at_once = 6;

/// The records that feed the numbers: the committed ones of the profiling phases, or of one phase of any kind.
class Chosen {
public:
    Chosen(const record::RecordSet& records, std::optional<std::size_t> phase)
        : set(records),
          phase_(phase) {}

    [[nodiscard]] bool has_phase(std::size_t index) const {
        const auto& phases = set.info().phases;
        return index < phases.size() && (phase_ ? index == *phase_ : phases[index].profiling);
    }

    template <class Visit>
    void for_each(Visit visit) const {
        for (const record::Record& record : set.records()) {
            if (record.state == static_cast<std::uint16_t>(record::State::committed) && has_phase(record.phase)) {
                visit(record);
            }
        }
    }

    const record::RecordSet& set;

private:
    std::optional<std::size_t> phase_;
};

/// Span from the first chosen phase's start to the last one's end; nothing while one of them is not over.
std::optional<std::pair<std::int64_t, std::int64_t>> span_of(const Chosen& chosen) {
    std::optional<std::pair<std::int64_t, std::int64_t>> span;
    const auto& phases = chosen.set.info().phases;
    for (std::size_t index = 0; index < phases.size(); ++index) {
        const record::PhaseInfo& phase = phases[index];
        if (!chosen.has_phase(index)) {
            continue;
        }
        if (phase.start_ns == 0 || phase.end_ns == 0) {
            return std::nullopt;
        }
        span = span ? std::pair(std::min(span->first, phase.start_ns), std::max(span->second, phase.end_ns))
                    : std::pair(phase.start_ns, phase.end_ns);
    }
    return span;
}

void count_good(const record::RecordSet& set, const RecordView& view, RunTotals& totals) {
    ++totals.valid;
    const auto latency = view.latency_ns();
    if (!latency) {
        return;
    }
    const std::int64_t start = set.info().anchor.to_wall_ns(view.start_ns());
    totals.min_start_wall_ns = std::min(totals.min_start_wall_ns.value_or(start), start);
    totals.max_response_wall_ns =
        std::max(totals.max_response_wall_ns.value_or(start), base::later_ns(start, *latency));
}

RunTotals count_requests(const Chosen& chosen, const Context& context) {
    RunTotals totals;
    chosen.for_each([&](const record::Record& record) {
        const RecordView view(chosen.set, record, context);
        if (!view.failed()) {
            count_good(chosen.set, view, totals);
            return;
        }
        ++totals.failed;
        totals.context_overflow += (record.flags & record::flag::context_overflow) != 0 ? 1U : 0U;
    });
    if (const auto span = span_of(chosen); span && !context.cancelled) {
        totals.window_ns = base::elapsed_ns(span->first, span->second);
    }
    return totals;
}

std::vector<ErrorCount> count_errors(const Chosen& chosen) {
    std::map<std::tuple<int, std::string, std::string>, ErrorCount> counts;
    chosen.for_each([&](const record::Record& record) {
        if (record.error == 0) {
            return;
        }
        const record::ErrorDetails details = record::error_details(chosen.set, record);
        ErrorCount& entry = counts[{details.code, details.type, details.message}];
        entry.first_ns = entry.count == 0 ? record.end_ns : std::min(entry.first_ns, record.end_ns);
        entry.details = details;
        ++entry.count;
    });
    std::vector<ErrorCount> out;
    out.reserve(counts.size());
    for (auto& entry : counts) {
        out.push_back(std::move(entry.second));
    }
    std::sort(out.begin(), out.end(), [](const ErrorCount& a, const ErrorCount& b) {
        return a.count != b.count ? a.count > b.count : a.first_ns < b.first_ns;
    });
    return out;
}

/// Computes per-request metrics a few columns at a time and keeps their statistics and sums.
class Columns {
public:
    Columns(const Chosen& chosen, const Context& context)
        : chosen_(chosen),
          set_(chosen.set),
          context_(context) {}

    void run(std::vector<Metric>& metrics, std::vector<MetricSum>& sums) {
        std::vector<const Definition*> batch;
        for (const Definition& definition : definitions()) {
            if (definition.kind == Kind::record) {
                batch.push_back(&definition);
            }
            if (batch.size() == k_columns_at_once) {
                finish(batch, metrics, sums);
            }
        }
        finish(batch, metrics, sums);
        for (const Definition& definition : definitions()) {
            if (definition.kind == Kind::list) {
                batch.push_back(&definition);
                finish(batch, metrics, sums);
            }
        }
    }

private:
    void finish(std::vector<const Definition*>& batch, std::vector<Metric>& metrics, std::vector<MetricSum>& sums) {
        if (columns_.size() < batch.size()) {
            columns_.resize(batch.size());
        }
        fill(batch);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            Column& column = columns_[i];
            if (!column.empty()) {
                sums.push_back({batch[i]->tag, column.sum()});
                metrics.push_back({batch[i], describe(column, batch[i]->unit.factor, bounds(column.size()))});
                column.clear();
            }
        }
        batch.clear();
    }

    // Room for the most there can be: what is not used is never touched, and growth would double the peak.
    void reserve(const std::vector<const Definition*>& batch) {
        for (std::size_t i = 0; i < batch.size(); ++i) {
            columns_[i].reserve(batch[i]->kind == Kind::list ? count_events() : set_.records().size());
        }
    }

    /// Most metrics have a value of each request: of their bounds many are the same.
    const Bounds& bounds(std::size_t count) {
        const auto [found, is_new] = bounds_.try_emplace(count);
        if (is_new) {
            found->second = bounds_of(count);
        }
        return found->second;
    }

    std::size_t count_events() {
        if (!events_) {
            events_ = 0;
            for (const record::Record& record : set_.records()) {
                *events_ += set_.events(record).size();  // what is there: a damaged record may announce anything
            }
        }
        return *events_;
    }

    void fill(const std::vector<const Definition*>& batch) {
        reserve(batch);
        std::array<std::optional<std::vector<std::size_t>>, 8> applying;  // of the batch, by what they look at
        chosen_.for_each([&](const record::Record& record) {
            const RecordView view(set_, record, context_);
            auto& places =
                applying[(view.streamed() ? 1U : 0U) + (view.scheduled() ? 2U : 0U) + (view.failed() ? 4U : 0U)];
            if (!places) {
                places = places_that_apply(batch, view);
            }
            for (const std::size_t i : *places) {
                if (batch[i]->kind == Kind::list) {
                    values_.clear();
                    batch[i]->list(view, values_);
                    std::for_each(values_.begin(), values_.end(), [&](double value) { columns_[i].add(value); });
                } else if (const auto value = batch[i]->record(view)) {
                    columns_[i].add(*value);
                }
            }
        });
    }

    static std::vector<std::size_t> places_that_apply(const std::vector<const Definition*>& batch,
                                                      const RecordView& view) {
        std::vector<std::size_t> places;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            if (batch[i]->applies_to(view)) {
                places.push_back(i);
            }
        }
        return places;
    }

    const Chosen& chosen_;
    const record::RecordSet& set_;
    const Context& context_;
    std::vector<Column> columns_;
    std::vector<double> values_;  // of one request
    std::map<std::size_t, Bounds> bounds_;
    std::optional<std::size_t> events_;  // of all records; absent: not counted yet
};

void add_run_metrics(const RunView& run, std::vector<Metric>& metrics) {
    for (const Definition& definition : definitions()) {
        if (definition.run == nullptr) {
            continue;
        }
        if (const auto value = definition.run(run)) {
            Statistics statistics;
            statistics.avg = *value * definition.unit.factor;
            metrics.push_back({&definition, statistics});
        }
    }
}

void set_times(const Chosen& chosen, Summary& summary) {
    const record::RunInfo& info = chosen.set.info();
    for (std::size_t index = 0; index < info.phases.size(); ++index) {
        const record::PhaseInfo& phase = info.phases[index];
        if (!chosen.has_phase(index) || phase.start_ns == 0) {
            continue;
        }
        if (summary.start_wall_ns == 0) {
            summary.start_wall_ns = info.anchor.to_wall_ns(phase.start_ns);
        }
        if (phase.end_ns != 0) {
            summary.end_wall_ns = std::max(summary.end_wall_ns, info.anchor.to_wall_ns(phase.end_ns));
        }
    }
}

Summary summarise_chosen(const Chosen& chosen, const Context& context) {
    Summary summary;
    const RunTotals totals = count_requests(chosen, context);
    summary.valid = totals.valid;
    summary.failed = totals.failed;
    summary.errors = count_errors(chosen);
    set_times(chosen, summary);
    std::vector<MetricSum> sums;
    Columns(chosen, context).run(summary.metrics, sums);
    add_run_metrics(RunView(totals, sums), summary.metrics);
    // Rows of the table are neighbours in memory: address order is display order.
    std::sort(summary.metrics.begin(), summary.metrics.end(), [](const Metric& a, const Metric& b) {
        return a.definition < b.definition;
    });
    return summary;
}

}  // namespace

const Metric* Summary::find(std::string_view tag) const noexcept {
    const auto found =
        std::find_if(metrics.begin(), metrics.end(), [&](const Metric& m) { return m.definition->tag == tag; });
    return found != metrics.end() ? &*found : nullptr;
}

Summary summarise(const record::RecordSet& set, const Context& context) {
    return summarise_chosen(Chosen(set, std::nullopt), context);
}

Summary summarise_phase(const record::RecordSet& set, const Context& context, std::size_t phase) {
    return summarise_chosen(Chosen(set, phase), context);
}

}  // namespace aiperf::metric
