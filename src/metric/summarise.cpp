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
constexpr std::size_t k_columns_at_once = 8;

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

/// What a metric looks at to tell whether a request has it (Definition::applies_to), as a number.
std::size_t sort_of(const RecordView& view) noexcept {
    return (view.streamed() ? 1U : 0U) + (view.scheduled() ? 2U : 0U) + (view.failed() ? 4U : 0U);
}

constexpr std::size_t k_sorts = 8;

/// What one look at all requests tells.
struct Overview {
    RunTotals totals;
    std::vector<ErrorCount> errors;                         // most frequent first
    std::array<const record::Record*, k_sorts> examples{};  // one request of each sort; null: there is none
};

/// Counts equal errors.
class Errors {
public:
    void add(const record::RecordSet& set, const record::Record& record) {
        const record::ErrorDetails details = record::error_details(set, record);
        ErrorCount& entry = counts_[{details.code, details.type, details.message}];
        entry.first_ns = entry.count == 0 ? record.end_ns : std::min(entry.first_ns, record.end_ns);
        entry.details = details;
        ++entry.count;
    }

    /// Most frequent first, the earlier one of two.
    [[nodiscard]] std::vector<ErrorCount> take() {
        std::vector<ErrorCount> out;
        out.reserve(counts_.size());
        for (auto& entry : counts_) {
            out.push_back(std::move(entry.second));
        }
        std::sort(out.begin(), out.end(), [](const ErrorCount& a, const ErrorCount& b) {
            return a.count != b.count ? a.count > b.count : a.first_ns < b.first_ns;
        });
        return out;
    }

private:
    std::map<std::tuple<int, std::string, std::string>, ErrorCount> counts_;
};

Overview look_over(const Chosen& chosen, const Context& context) {
    Overview all;
    Errors errors;
    chosen.for_each([&](const record::Record& record) {
        const RecordView view(chosen.set, record, context);
        all.examples[sort_of(view)] = &record;
        if (!view.failed()) {
            count_good(chosen.set, view, all.totals);
            return;
        }
        ++all.totals.failed;
        all.totals.context_overflow += (record.flags & record::flag::context_overflow) != 0 ? 1U : 0U;
        errors.add(chosen.set, record);
    });
    if (const auto span = span_of(chosen); span && !context.cancelled) {
        all.totals.window_ns = base::elapsed_ns(span->first, span->second);
    }
    all.errors = errors.take();
    return all;
}

/// Computes per-request metrics a few columns at a time and keeps their statistics and sums.
class Columns {
public:
    Columns(const Chosen& chosen, const Context& context, const Overview& overview)
        : chosen_(chosen),
          set_(chosen.set),
          context_(context),
          overview_(overview) {}

    void run(std::vector<Metric>& metrics, std::vector<MetricSum>& sums) {
        std::vector<const Definition*> batch;
        // What looks at events does so in one pass: they are the larger part of what was written.
        for (const bool reads_events : {true, false}) {
            for (const Definition& definition : definitions()) {
                const bool per_request = definition.kind == Kind::record || definition.kind == Kind::list;
                if (per_request && definition.has(metric_flag::reads_events) == reads_events &&
                    applies_to_any(definition)) {
                    batch.push_back(&definition);
                }
                if (batch.size() == k_columns_at_once) {
                    finish(batch, metrics, sums);
                }
            }
            finish(batch, metrics, sums);
        }
    }

private:
    [[nodiscard]] bool applies_to_any(const Definition& definition) const {
        return std::any_of(overview_.examples.begin(), overview_.examples.end(), [&](const record::Record* example) {
            return example != nullptr && definition.applies_to(RecordView(set_, *example, context_));
        });
    }

    void finish(std::vector<const Definition*>& batch, std::vector<Metric>& metrics, std::vector<MetricSum>& sums) {
        if (columns_.size() < batch.size()) {
            columns_.resize(batch.size());
        }
        fill(batch);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            Column& column = columns_[i];
            if (!column.empty()) {
                const double sum = column.sum();
                sums.push_back({batch[i]->tag, sum});
                metrics.push_back({batch[i], describe(column, sum, batch[i]->unit.factor, bounds(column.size()))});
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
        std::array<std::vector<std::size_t>, k_sorts> applying;  // places in the batch
        for (std::size_t sort = 0; sort < k_sorts; ++sort) {
            if (overview_.examples[sort] != nullptr) {
                applying[sort] = places_that_apply(batch, RecordView(set_, *overview_.examples[sort], context_));
            }
        }
        chosen_.for_each([&](const record::Record& record) {
            const RecordView view(set_, record, context_);
            for (const std::size_t i : applying[sort_of(view)]) {
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
    const Overview& overview_;
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
    Overview overview = look_over(chosen, context);
    summary.valid = overview.totals.valid;
    summary.failed = overview.totals.failed;
    summary.errors = std::move(overview.errors);
    set_times(chosen, summary);
    std::vector<MetricSum> sums;
    Columns(chosen, context, overview).run(summary.metrics, sums);
    add_run_metrics(RunView(overview.totals, sums), summary.metrics);
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
