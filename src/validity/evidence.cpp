#include "aiperf/validity/evidence.hpp"

#include "aiperf/base/clock.hpp"
#include "aiperf/base/sketch.hpp"
#include "aiperf/metric/record_view.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

namespace aiperf::validity {
namespace {

constexpr double k_ns_per_ms = 1e6;

template <class Count>
std::optional<double> share(Count part, Count whole) {
    return whole > 0 ? std::optional(static_cast<double>(part) / static_cast<double>(whole)) : std::nullopt;
}

/// Of durations in ns; absent without any.
std::optional<double> p99_ms(const base::Sketch& sketch) {
    const std::optional<double> ns = sketch.quantile(0.99);
    return ns ? std::optional(*ns / k_ns_per_ms) : std::nullopt;
}

/// How sending went, over one phase.
struct Schedule {
    std::int64_t first_planned = std::numeric_limits<std::int64_t>::max();
    std::int64_t last_planned = std::numeric_limits<std::int64_t>::min();
    std::int64_t last_sent = std::numeric_limits<std::int64_t>::min();
};

class Reader {
public:
    Reader(const record::RecordSet& set, bool open_loop)
        : set_(set),
          open_loop_(open_loop),
          schedules_(set.info().phases.size()) {}

    void take(const record::Record& record) {
        if (open_loop_ && record.planned_ns != 0) {
            take_schedule(record);
        }
        take_answer(record);
    }

    void put(Evidence& evidence) {
        if (open_loop_) {
            evidence[Check::send_lateness] = p99_ms(*lateness_);
            evidence[Check::capped_sends] = share(capped_, scheduled_);
            evidence[Check::rate_deviation] = rate_deviation();
        }
        evidence[Check::read_lag] = p99_ms(*lags_);
        evidence[Check::coalesced] = share(coalesced_, contents_);
        evidence[Check::late_reads] = lags_->count() == 0 ? std::nullopt : share(late_, good_);
    }

private:
    void take_schedule(const record::Record& record) {
        ++scheduled_;
        const bool capped = (record.flags & record::flag::capped) != 0;
        capped_ += capped ? 1U : 0U;
        const std::int64_t sent = metric::request_start_ns(record);
        if (!capped) {
            // Connecting is the server's time, or the network's.
            const std::int64_t connecting =
                record.connect_end_ns != 0 ? base::elapsed_ns(record.connect_start_ns, record.connect_end_ns) : 0;
            lateness_->add(base::elapsed_ns(record.planned_ns, sent) - connecting);
        }
        Schedule& schedule = schedules_[record.phase];
        schedule.first_planned = std::min(schedule.first_planned, record.planned_ns);
        schedule.last_planned = std::max(schedule.last_planned, record.planned_ns);
        schedule.last_sent = std::max(schedule.last_sent, sent);
    }

    void take_answer(const record::Record& record) {
        const bool good = record.error == 0;
        good_ += good ? 1U : 0U;
        late_ += good && (record.flags & record::flag::late_read) != 0 ? 1U : 0U;
        for (const record::Event& event : set_.events(record)) {
            if (!event.has_content()) {
                continue;
            }
            ++contents_;
            coalesced_ += (event.flags & record::event_flag::coalesced) != 0 ? 1U : 0U;
            if (event.lag_ns != 0) {
                lags_->add(event.lag_ns);
            }
        }
    }

    /// Of planned spans and real ones, phase by phase: the same number of requests in both.
    [[nodiscard]] std::optional<double> rate_deviation() const {
        std::int64_t planned = 0;
        std::int64_t real = 0;
        for (const Schedule& schedule : schedules_) {
            if (schedule.first_planned < schedule.last_planned) {
                planned += schedule.last_planned - schedule.first_planned;
                real += schedule.last_sent - schedule.first_planned;
            }
        }
        return planned > 0 ? share(std::max<std::int64_t>(0, real - planned), planned) : std::nullopt;
    }

    const record::RecordSet& set_;
    bool open_loop_;
    std::vector<Schedule> schedules_;
    std::unique_ptr<base::Sketch> lateness_ = std::make_unique<base::Sketch>();  // quantiles within 1.6 %
    std::unique_ptr<base::Sketch> lags_ = std::make_unique<base::Sketch>();
    std::uint64_t scheduled_ = 0;
    std::uint64_t capped_ = 0;
    std::uint64_t good_ = 0;
    std::uint64_t late_ = 0;
    std::uint64_t contents_ = 0;
    std::uint64_t coalesced_ = 0;
};

}  // namespace

void LoopFigures::add(const LoopFigures& phase) noexcept {
    busy_share = std::max(busy_share, phase.busy_share);
    wait_share = std::max(wait_share, phase.wait_share);
    stall_ms = std::max(stall_ms, phase.stall_ms);
    cpu_s += phase.cpu_s;
    own_failures += phase.own_failures;
    requests += phase.requests;
    planned += phase.planned;
    claimed += phase.claimed;
}

void add_loops(const LoopFigures& loops, Evidence& evidence) {
    if (loops.requests == 0) {
        return;
    }
    evidence[Check::loop_busy] = loops.busy_share;
    evidence[Check::cpu_wait] = loops.wait_share;
    evidence[Check::loop_stall] = loops.stall_ms;
    evidence[Check::own_failures] = share(loops.own_failures, loops.requests);
    if (loops.planned > 0) {
        evidence[Check::unsent] = share(loops.planned - std::min(loops.claimed, loops.planned), loops.planned);
    }
}

void add_records(const record::RecordSet& set, bool open_loop, Evidence& evidence) {
    Reader reader(set, open_loop);
    const auto& phases = set.info().phases;
    for (const record::Record& record : set.records()) {
        const bool measured = record.state == static_cast<std::uint16_t>(record::State::committed) &&
                              record.phase < phases.size() && phases[record.phase].profiling;
        if (measured) {
            reader.take(record);
        }
    }
    reader.put(evidence);
}

}  // namespace aiperf::validity
