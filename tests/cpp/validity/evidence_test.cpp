#include "aiperf/validity/evidence.hpp"

#include "aiperf/record/record_set.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <vector>

using namespace aiperf;
using namespace aiperf::validity;

namespace {

constexpr std::int64_t k_ms = 1'000'000;
constexpr std::int64_t k_start = 1'000 * k_ms;

using Row = record::MemoryRecordSet::Row;

Row sent(std::int64_t planned_ms, std::int64_t late_ms) {
    Row row;
    row.record.state = static_cast<std::uint16_t>(record::State::committed);
    row.record.planned_ns = k_start + planned_ms * k_ms;
    row.record.acquired_ns = row.record.planned_ns;
    row.record.send_start_ns = row.record.planned_ns + late_ms * k_ms;
    return row;
}

record::Event content(std::uint32_t lag_ns, std::uint8_t flags = 0) {
    record::Event event;
    event.kind = record::EventKind::output;
    event.lag_ns = lag_ns;
    event.flags = flags;
    return event;
}

Evidence evidence_of(std::vector<Row> rows, bool open_loop = true) {
    record::RunInfo info;
    info.phases.push_back({"profiling", true, 0, k_start, k_start + 10'000 * k_ms});
    Evidence evidence;
    add_records(record::MemoryRecordSet(info, std::move(rows)), open_loop, evidence);
    return evidence;
}

}  // namespace

TEST_CASE("lateness is of the sends that had a slot; the others are capped") {
    std::vector<Row> rows;
    for (int i = 0; i < 99; ++i) {
        rows.push_back(sent(i * 10, 1));
    }
    rows.push_back(sent(990, 500));
    rows.back().record.flags |= record::flag::capped;
    const Evidence evidence = evidence_of(rows);
    CHECK(*evidence[Check::send_lateness] == Approx(1.0).epsilon(0.02));
    CHECK(*evidence[Check::capped_sends] == Approx(0.01));
}

TEST_CASE("the time a connection took is not lateness") {
    Row row = sent(0, 30);
    row.record.connect_start_ns = row.record.planned_ns;
    row.record.connect_end_ns = row.record.planned_ns + 29 * k_ms;
    CHECK(*evidence_of({row})[Check::send_lateness] == Approx(1.0).epsilon(0.02));
}

TEST_CASE("the rate is missed by as much as sending took longer than planned") {
    std::vector<Row> rows;
    for (int i = 0; i <= 100; ++i) {
        rows.push_back(sent(i * 10, i));  // each a millisecond later than the one before
    }
    CHECK(*evidence_of(rows)[Check::rate_deviation] == Approx(0.1));
    CHECK_FALSE(evidence_of({sent(0, 0)})[Check::rate_deviation]);
}

TEST_CASE("without a schedule nothing is late") {
    const Evidence evidence = evidence_of({sent(0, 100), sent(10, 100)}, false);
    CHECK_FALSE(evidence[Check::send_lateness]);
    CHECK_FALSE(evidence[Check::rate_deviation]);
    CHECK_FALSE(evidence[Check::capped_sends]);
}

TEST_CASE("read lag, late reads and coalesced content are of content alone") {
    Row quiet = sent(0, 0);
    record::Event role;
    role.lag_ns = 900'000'000;
    quiet.events = {role, content(1000), content(1000)};
    Row late = sent(1, 0);
    late.record.flags |= record::flag::late_read;
    late.events = {content(8'000'000), content(8'000'000, record::event_flag::coalesced)};
    const Evidence evidence = evidence_of({quiet, late});
    CHECK(*evidence[Check::coalesced] == Approx(0.25));
    CHECK(*evidence[Check::late_reads] == Approx(0.5));
    CHECK(*evidence[Check::read_lag] == Approx(8.0).epsilon(0.02));
}

TEST_CASE("where the kernel gave no stamps the lag is not known") {
    Row row = sent(0, 0);
    row.events = {content(0), content(0)};
    const Evidence evidence = evidence_of({row});
    CHECK_FALSE(evidence[Check::read_lag]);
    CHECK_FALSE(evidence[Check::late_reads]);
    CHECK(evidence[Check::coalesced]);
}

TEST_CASE("warm-up and requests that are not over are not looked at") {
    Row open = sent(0, 900);
    open.record.state = static_cast<std::uint16_t>(record::State::sent);
    Row warmup = sent(0, 900);
    warmup.record.phase = 1;
    CHECK_FALSE(evidence_of({open, warmup})[Check::send_lateness]);
}

TEST_CASE("of several workers and phases the worst counts, and failures and plans add up") {
    LoopFigures figures;
    figures.add({.busy_share = 0.2,
                 .wait_share = 0.9,
                 .stall_ms = 1,
                 .own_failures = 1,
                 .requests = 10,
                 .planned = 6,
                 .claimed = 6});
    figures.add({.busy_share = 0.7,
                 .wait_share = 0.1,
                 .stall_ms = 3,
                 .own_failures = 1,
                 .requests = 30,
                 .planned = 4,
                 .claimed = 2});
    Evidence evidence;
    add_loops(figures, evidence);
    CHECK(evidence[Check::loop_busy] == 0.7);
    CHECK(evidence[Check::cpu_wait] == 0.9);
    CHECK(evidence[Check::loop_stall] == 3.0);
    CHECK(evidence[Check::own_failures] == Approx(0.05));
    CHECK(evidence[Check::unsent] == Approx(0.2));
}

TEST_CASE("a run without a request says nothing of its loops") {
    Evidence evidence;
    add_loops({}, evidence);
    CHECK_FALSE(evidence[Check::loop_busy]);
}
