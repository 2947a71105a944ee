#include "aiperf/metric/definitions.hpp"
#include "aiperf/metric/record_metrics.hpp"
#include "aiperf/metric/summary.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace aiperf;
using record::Event;
using record::EventKind;
using record::MemoryRecordSet;

namespace {

constexpr std::int64_t k_ms = 1'000'000;

/// Sent at `start` ms; content at the given milliseconds after it.
MemoryRecordSet::Row row_at(std::int64_t start, const std::vector<std::int64_t>& content) {
    MemoryRecordSet::Row row;
    row.record.state = static_cast<std::uint16_t>(record::State::committed);
    row.record.flags = record::flag::streamed;
    row.record.acquired_ns = row.record.planned_ns = start * k_ms - k_ms;
    row.record.send_start_ns = start * k_ms;
    row.record.end_ns = row.record.send_start_ns;
    for (const std::int64_t at : content) {
        Event event;
        event.at_ns = (start + at) * k_ms;
        event.kind = EventKind::output;
        row.events.push_back(event);
        row.record.end_ns = event.at_ns;
    }
    if (!content.empty()) {
        row.record.first_content_ns = row.events.front().at_ns;
        row.record.last_content_ns = row.events.back().at_ns;
    }
    return row;
}

record::RunInfo run_info() {
    record::RunInfo info;
    info.phases.push_back({"warmup", false, 0, 1 * k_ms, 50 * k_ms});
    info.phases.push_back({"profiling", true, 1, 100 * k_ms, 300 * k_ms});
    return info;
}

MemoryRecordSet::Row profiled(MemoryRecordSet::Row row) {
    row.record.phase = 1;
    return row;
}

double avg(const metric::Summary& summary, std::string_view tag) {
    const metric::Metric* found = summary.find(tag);
    INFO(std::string(tag));
    REQUIRE(found != nullptr);
    return found->statistics.avg;
}

const metric::Context k_streaming{.streaming = true};

}  // namespace

TEST_CASE("warm-up and uncommitted records feed no number") {
    auto claimed = profiled(row_at(110, {10}));
    claimed.record.state = static_cast<std::uint16_t>(record::State::sent);
    const MemoryRecordSet set(run_info(), {row_at(5, {40}), profiled(row_at(100, {10, 20})), claimed});
    const metric::Summary summary = metric::summarise(set, k_streaming);
    CHECK(summary.valid == 1);
    CHECK(summary.failed == 0);
    CHECK(avg(summary, "request_count") == 1.0);
    CHECK(avg(summary, "request_latency") == 20.0);
}

TEST_CASE("one phase alone has its own numbers, a warm-up too") {
    const MemoryRecordSet set(run_info(), {row_at(5, {40}), profiled(row_at(100, {10, 20}))});
    const metric::Summary warmup = metric::summarise_phase(set, k_streaming, 0);
    CHECK(warmup.valid == 1);
    CHECK(avg(warmup, "request_latency") == 40.0);
    CHECK(avg(warmup, "request_throughput") == Approx(1 / 0.049));
    CHECK(warmup.end_wall_ns - warmup.start_wall_ns == 49 * k_ms);
    CHECK(avg(metric::summarise_phase(set, k_streaming, 1), "request_latency") == 20.0);
    CHECK(metric::summarise_phase(set, k_streaming, 2).metrics.size() <=
          metric::summarise(MemoryRecordSet(run_info(), {}), k_streaming).metrics.size());
}

TEST_CASE("rates divide by the span of the phase, or by the duration where the run was cut short") {
    const MemoryRecordSet set(run_info(), {row_at(5, {40}), profiled(row_at(100, {20})), profiled(row_at(150, {50}))});
    CHECK(avg(metric::summarise(set, k_streaming), "request_throughput") == Approx(2 / 0.2));
    CHECK(avg(metric::summarise(set, k_streaming), "benchmark_duration") == Approx(0.1));
    metric::Context cut_short = k_streaming;
    cut_short.cancelled = true;
    CHECK(avg(metric::summarise(set, cut_short), "request_throughput") == Approx(2 / 0.1));
}

TEST_CASE("an answer that was not streamed has a latency and no streaming metric") {
    auto row = profiled(row_at(100, {10}));
    row.record.flags = 0;
    row.record.output_tokens = 12;
    const MemoryRecordSet set(run_info(), {row});
    for (const bool streaming : {false, true}) {
        const metric::Summary summary = metric::summarise(set, metric::Context{.streaming = streaming});
        CHECK(summary.find("request_latency") != nullptr);
        CHECK(avg(summary, "output_sequence_length") == 12.0);
        for (const metric::Definition& row_of_table : metric::definitions()) {
            INFO(std::string(row_of_table.tag));
            CHECK((!row_of_table.has(metric::metric_flag::streaming_only) || !summary.find(row_of_table.tag)));
        }
    }
}

TEST_CASE("stamps that run backwards suppress the inter-chunk latency of their request alone") {
    const MemoryRecordSet set(run_info(), {profiled(row_at(100, {10, 30, 20})), profiled(row_at(100, {10, 14}))});
    const metric::Summary summary = metric::summarise(set, k_streaming);
    REQUIRE(summary.find("inter_chunk_latency") != nullptr);
    CHECK(summary.find("inter_chunk_latency")->statistics.count == 1);
    CHECK(avg(summary, "inter_chunk_latency") == 4.0);
}

TEST_CASE("absent counts stay absent and a count of 0 is one, except visible output") {
    auto none = profiled(row_at(100, {10, 20}));
    auto zero = none;
    zero.record.output_tokens = 0;
    zero.record.reasoning_tokens = 0;
    const MemoryRecordSet set(run_info(), {none, zero});
    const metric::Summary summary = metric::summarise(set, k_streaming);
    CHECK(summary.find("output_token_count") == nullptr);
    CHECK(summary.find("inter_token_latency") == nullptr);
    CHECK(summary.find("input_sequence_length") == nullptr);
    REQUIRE(summary.find("reasoning_token_count") != nullptr);
    CHECK(summary.find("reasoning_token_count")->statistics.count == 1);
    CHECK(avg(summary, "output_sequence_length") == 0.0);
}

TEST_CASE("server counts take reasoning out of completion, never below 0, and never fall back") {
    auto row = profiled(row_at(100, {10, 20}));
    row.record.input_tokens = 99;
    row.record.output_tokens = 99;
    row.record.usage_completion_tokens = 10;
    row.record.usage_reasoning_tokens = 12;
    const MemoryRecordSet set(run_info(), {row});
    const metric::Summary summary =
        metric::summarise(set, metric::Context{.streaming = true, .use_server_token_count = true});
    CHECK(summary.find("output_token_count") == nullptr);
    CHECK(avg(summary, "output_sequence_length") == 12.0);
    CHECK(summary.find("input_sequence_length") == nullptr);
}

TEST_CASE("credit metrics include failed requests, all others leave them out") {
    auto failed = profiled(row_at(120, {}));
    failed.record.error = static_cast<std::uint8_t>(record::ErrorKind::timeout);
    failed.record.end_ns = failed.record.send_start_ns + 60 * k_ms;
    failed.record.input_tokens = 5;
    const MemoryRecordSet set(run_info(), {profiled(row_at(100, {10, 20})), failed});
    const metric::Summary summary = metric::summarise(set, k_streaming);
    CHECK(summary.find("effective_latency")->statistics.count == 2);
    CHECK(summary.find("effective_latency")->statistics.max == Approx(61.0));
    CHECK(summary.find("credit_to_start_latency")->statistics.count == 2);
    CHECK(summary.find("request_latency")->statistics.count == 1);
    CHECK(avg(summary, "request_error_rate") == 50.0);
    const auto metrics = metric::record_metrics(set, set.records()[1], k_streaming);
    REQUIRE(metrics.size() == 1);
    CHECK(metrics[0].definition->tag == "error_isl");
}

TEST_CASE("metrics come in display order, whatever was computed first") {
    const MemoryRecordSet set(run_info(), {profiled(row_at(100, {10, 20}))});
    const metric::Summary summary = metric::summarise(set, k_streaming);
    CHECK(std::is_sorted(summary.metrics.begin(), summary.metrics.end(), [](const auto& a, const auto& b) {
        return a.definition->display_order < b.definition->display_order;
    }));
    CHECK(summary.metrics.size() > 10);
}

TEST_CASE("no record at all gives an empty summary") {
    const metric::Summary summary = metric::summarise(MemoryRecordSet(run_info(), {}), k_streaming);
    CHECK(summary.metrics.empty());
    CHECK(summary.errors.empty());
    CHECK(summary.start_wall_ns == 100 * k_ms);
    CHECK(summary.end_wall_ns == 300 * k_ms);
}
