#include "aiperf/metric/definitions.hpp"

#include "aiperf/base/clock.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace aiperf::metric {
namespace {

using Value = std::optional<double>;

// ---- Requests. Times are nanoseconds, lengths tokens; AIPerf's definitions.

Value real(std::optional<std::int64_t> count) noexcept {
    return count ? Value(static_cast<double>(*count)) : std::nullopt;
}

Value usage(std::int32_t count) noexcept {
    return count == record::k_absent ? std::nullopt : Value(count);
}

/// numerator per second of nanoseconds; absent for a span of 0.
Value per_second(Value numerator, Value nanoseconds) noexcept {
    return numerator && nanoseconds && *nanoseconds > 0.0 ? Value(*numerator / (*nanoseconds * 1e-9)) : std::nullopt;
}

Value time_to_first_token(const RecordView& r) {
    return real(r.first_token_ns());
}

Value time_to_second_token(const RecordView& r) {
    return real(r.second_token_ns());
}

Value time_to_first_output_token(const RecordView& r) {
    return real(r.first_output_ns());
}

Value request_latency(const RecordView& r) {
    return real(r.latency_ns());
}

Value decode_duration(const RecordView& r) {
    const auto latency = r.latency_ns();
    const auto first = r.first_token_ns();
    return latency && first ? Value(static_cast<double>(base::elapsed_ns(*first, *latency))) : std::nullopt;
}

Value inter_token_latency(const RecordView& r) {
    return r.inter_token_ns();
}

void inter_chunk_latency(const RecordView& r, std::vector<double>& out) {
    const std::size_t before = out.size();
    std::int64_t last = 0;
    for (const record::Event& event : r.events()) {
        if (!event.has_content()) {
            continue;
        }
        if (last != 0 && event.at_ns < last) {
            out.resize(before);  // stamps that run backwards say nothing about gaps
            return;
        }
        if (last != 0) {
            out.push_back(static_cast<double>(base::elapsed_ns(last, event.at_ns)));
        }
        last = event.at_ns;
    }
}

Value output_token_throughput_per_user(const RecordView& r) {
    return per_second(1.0, r.inter_token_ns());
}

Value e2e_output_token_throughput(const RecordView& r) {
    return per_second(real(r.output_length()), real(r.latency_ns()));
}

Value prefill_throughput_per_user(const RecordView& r) {
    return per_second(real(r.input_tokens()), real(r.first_token_ns()));
}

Value output_sequence_length(const RecordView& r) {
    return real(r.output_length());
}

Value input_sequence_length(const RecordView& r) {
    return real(r.input_tokens());
}

Value output_token_count(const RecordView& r) {
    const auto count = r.output_tokens();
    return count && *count > 0 ? real(count) : std::nullopt;
}

Value reasoning_token_count(const RecordView& r) {
    return real(r.reasoning_tokens());
}

Value usage_prompt_tokens(const RecordView& r) {
    return usage(r.record().usage_prompt_tokens);
}

Value usage_completion_tokens(const RecordView& r) {
    return usage(r.record().usage_completion_tokens);
}

Value usage_total_tokens(const RecordView& r) {
    return usage(r.record().usage_total_tokens);
}

Value usage_reasoning_tokens(const RecordView& r) {
    return usage(r.record().usage_reasoning_tokens);
}

Value usage_prompt_cache_read_tokens(const RecordView& r) {
    return usage(r.record().usage_cached_tokens);
}

Value credit_to_start_latency(const RecordView& r) {
    return static_cast<double>(base::elapsed_ns(credit_issued_ns(r.record()), r.start_ns()));
}

Value effective_latency(const RecordView& r) {
    return static_cast<double>(base::elapsed_ns(credit_issued_ns(r.record()), r.end_ns()));
}

Value send_lateness(const RecordView& r) {
    return real(r.send_lateness_ns());
}

Value request_latency_from_plan(const RecordView& r) {
    const auto lateness = r.send_lateness_ns();
    const auto latency = r.latency_ns();
    return lateness && latency ? Value(static_cast<double>(*lateness + *latency)) : std::nullopt;
}

Value read_lag(const RecordView& r) {
    return real(r.worst_read_lag_ns());
}

// ---- Runs

Value count_unless_zero(std::uint64_t count) noexcept {
    return count != 0 ? Value(static_cast<double>(count)) : std::nullopt;
}

Value request_count(const RunView& run) {
    return count_unless_zero(run.totals().valid);
}

Value error_request_count(const RunView& run) {
    return count_unless_zero(run.totals().failed);
}

Value context_overflow_count(const RunView& run) {
    return run.totals().failed != 0 ? Value(static_cast<double>(run.totals().context_overflow)) : std::nullopt;
}

Value completed_request_count(const RunView& run) {
    const RunTotals& totals = run.totals();
    return totals.valid != 0 ? Value(static_cast<double>(totals.valid + totals.failed)) : std::nullopt;
}

Value request_error_rate(const RunView& run) {
    const auto completed = completed_request_count(run);
    return completed ? Value(100.0 * static_cast<double>(run.totals().failed) / *completed) : std::nullopt;
}

Value min_request_timestamp(const RunView& run) {
    return real(run.totals().min_start_wall_ns);
}

Value max_response_timestamp(const RunView& run) {
    return real(run.totals().max_response_wall_ns);
}

Value benchmark_duration(const RunView& run) {
    return run.duration_ns();
}

Value rate(Value total, const RunView& run) noexcept {
    const auto seconds = run.rate_seconds();
    return total && seconds ? Value(*total / *seconds) : std::nullopt;
}

Value request_throughput(const RunView& run) {
    return rate(request_count(run), run);
}

Value output_token_throughput(const RunView& run) {
    return rate(run.sum("output_sequence_length"), run);
}

Value input_token_throughput(const RunView& run) {
    return rate(run.sum("input_sequence_length"), run);
}

Value total_token_throughput(const RunView& run) {
    const auto input = run.sum("input_sequence_length");
    const auto output = run.sum("output_sequence_length");
    return input && output ? rate(*input + *output, run) : std::nullopt;
}

Value overall_usage_prompt_cache_read_pct(const RunView& run) {
    const auto read = run.sum("usage_prompt_cache_read_tokens");
    const auto prompt = run.sum("usage_prompt_tokens");
    return read && prompt && *prompt > 0.0 ? Value(100.0 * *read / *prompt) : std::nullopt;
}

template <const char* tag>
Value total(const RunView& run) {
    return run.sum(tag);
}

constexpr char k_osl[] = "output_sequence_length";
constexpr char k_isl[] = "input_sequence_length";
constexpr char k_output[] = "output_token_count";
constexpr char k_reasoning[] = "reasoning_token_count";
constexpr char k_error_isl[] = "error_isl";
constexpr char k_usage_prompt[] = "usage_prompt_tokens";
constexpr char k_usage_completion[] = "usage_completion_tokens";
constexpr char k_usage_total[] = "usage_total_tokens";
constexpr char k_usage_reasoning[] = "usage_reasoning_tokens";
constexpr char k_usage_cache_read[] = "usage_prompt_cache_read_tokens";

// ---- Rows

constexpr Unit k_ms{"ns", "ms", 1e-6};
constexpr Unit k_seconds{"ns", "sec", 1e-9};
constexpr Unit k_timestamp{"ns", "ns", 1.0};
constexpr Unit k_tokens{"tokens", "tokens", 1.0};
constexpr Unit k_requests{"requests", "requests", 1.0};
constexpr Unit k_percent{"%", "%", 1.0};
constexpr Unit k_token_rate{"tokens/sec", "tokens/sec", 1.0};
constexpr Unit k_user_rate{"tokens/sec/user", "tokens/sec/user", 1.0};
constexpr Unit k_request_rate{"requests/sec", "requests/sec", 1.0};

constexpr auto k_int = ValueType::integer;
constexpr auto k_real = ValueType::real;
constexpr std::int32_t k_last = k_no_order;
constexpr std::int32_t k_rest = k_after_run;

namespace f = metric_flag;
constexpr std::uint32_t k_token = f::produces_tokens;
constexpr std::uint32_t k_stream = f::streaming_only | f::produces_tokens;
constexpr std::uint32_t k_larger = f::larger_is_better;
constexpr std::uint32_t k_input = f::tokenizes_input;
constexpr std::uint32_t k_adjusted = f::with_failed_percentiles;
constexpr std::uint32_t k_credit = f::includes_failed | f::run_only;

constexpr Definition record_row(std::string_view tag,
                                std::string_view header,
                                Unit unit,
                                ValueType type,
                                std::int32_t order,
                                std::int32_t rank,
                                Group group,
                                std::uint32_t flags,
                                RecordFormula formula) {
    return {tag, header, unit, type, order, rank, Kind::record, group, flags, formula, nullptr, nullptr};
}

constexpr Definition list_row(std::string_view tag,
                              std::string_view header,
                              Unit unit,
                              ValueType type,
                              std::int32_t order,
                              std::int32_t rank,
                              Group group,
                              std::uint32_t flags,
                              ListFormula formula) {
    return {tag, header, unit, type, order, rank, Kind::list, group, flags, nullptr, formula, nullptr};
}

constexpr Definition aggregate_row(std::string_view tag,
                                   std::string_view header,
                                   Unit unit,
                                   ValueType type,
                                   std::int32_t order,
                                   std::int32_t rank,
                                   Group group,
                                   std::uint32_t flags,
                                   RunFormula formula) {
    return {tag, header, unit, type, order, rank, Kind::aggregate, group, flags, nullptr, nullptr, formula};
}

constexpr Definition derived_row(std::string_view tag,
                                 std::string_view header,
                                 Unit unit,
                                 ValueType type,
                                 std::int32_t order,
                                 std::int32_t rank,
                                 Group group,
                                 std::uint32_t flags,
                                 RunFormula formula) {
    return {tag, header, unit, type, order, rank, Kind::derived, group, flags, nullptr, nullptr, formula};
}

// clang-format off
// In display order. Columns: tag, header, unit, type, display order, rank in the JSON summary, console table, flags, formula.
constexpr std::array k_table{
    record_row("time_to_first_token", "Time to First Token", k_ms, k_int, 100, 4, Group::standard, k_stream | k_adjusted, time_to_first_token),
    record_row("time_to_second_token", "Time to Second Token", k_ms, k_int, 200, 5, Group::standard, k_stream | f::reads_events, time_to_second_token),
    record_row("time_to_first_output_token", "Time to First Output Token", k_ms, k_int, 210, k_rest, Group::standard, k_stream | f::reasoning | f::reads_events, time_to_first_output_token),
    record_row("request_latency", "Request Latency", k_ms, k_int, 300, 2, Group::standard, k_adjusted, request_latency),
    record_row("decode_duration", "Decode Duration", k_ms, k_int, 350, k_rest, Group::standard, k_stream | k_adjusted, decode_duration),
    record_row("inter_token_latency", "Inter Token Latency", k_ms, k_real, 400, 6, Group::standard, k_stream | k_adjusted, inter_token_latency),
    record_row("output_token_throughput_per_user", "Output Token Throughput Per User", k_user_rate, k_real, 500, 8, Group::standard, k_stream | k_larger, output_token_throughput_per_user),
    record_row("e2e_output_token_throughput", "E2E Output Token Throughput", k_user_rate, k_real, 510, k_rest, Group::standard, k_token | k_larger, e2e_output_token_throughput),
    record_row("output_sequence_length", "Output Sequence Length", k_tokens, k_int, 600, 9, Group::standard, k_token | k_larger, output_sequence_length),
    record_row("input_sequence_length", "Input Sequence Length", k_tokens, k_int, 700, 10, Group::standard, k_larger | k_input, input_sequence_length),
    record_row("error_isl", "Error Input Sequence Length", k_tokens, k_int, 700, 20, Group::none, f::error_only | k_larger | k_input, input_sequence_length),
    derived_row("output_token_throughput", "Output Token Throughput", k_token_rate, k_real, 800, 7, Group::standard, k_token | k_larger, output_token_throughput),
    derived_row("input_token_throughput", "Input Token Throughput", k_token_rate, k_real, 805, k_rest, Group::standard, k_larger, input_token_throughput),
    derived_row("request_throughput", "Request Throughput", k_request_rate, k_real, 900, 1, Group::standard, k_larger, request_throughput),
    record_row("usage_prompt_tokens", "Usage Prompt Tokens", k_tokens, k_int, 1000, k_rest, Group::usage, k_larger | k_input, usage_prompt_tokens),
    record_row("usage_prompt_cache_read_tokens", "Usage Prompt Cache Read Tokens", k_tokens, k_int, 1010, k_rest, Group::usage, k_larger, usage_prompt_cache_read_tokens),
    derived_row("completed_request_count", "Completed Requests (Success + Error)", k_requests, k_int, 1075, k_rest, Group::standard, f::run_only, completed_request_count),
    derived_row("request_error_rate", "Request Error Rate", k_percent, k_real, 1080, k_rest, Group::standard, f::run_only, request_error_rate),
    record_row("usage_completion_tokens", "Usage Completion Tokens", k_tokens, k_int, 1100, k_rest, Group::usage, k_token | k_larger, usage_completion_tokens),
    aggregate_row("request_count", "Request Count", k_requests, k_int, 1100, 3, Group::standard, k_larger | f::run_only, request_count),
    record_row("usage_reasoning_tokens", "Usage Reasoning Tokens", k_tokens, k_int, 1110, k_rest, Group::usage, k_token | k_larger, usage_reasoning_tokens),
    record_row("usage_total_tokens", "Usage Total Tokens", k_tokens, k_int, 1200, k_rest, Group::usage, k_token | k_larger, usage_total_tokens),
    derived_row("total_usage_prompt_tokens", "Total Usage Prompt Tokens", k_tokens, k_int, 2000, k_rest, Group::usage, k_larger | k_input, total<k_usage_prompt>),
    derived_row("total_usage_prompt_cache_read_tokens", "Total Usage Prompt Cache Read Tokens", k_tokens, k_int, 2010, k_rest, Group::usage, k_larger, total<k_usage_cache_read>),
    derived_row("overall_usage_prompt_cache_read_pct", "Overall Usage Prompt Cache Read %", k_percent, k_real, 2012, k_rest, Group::usage, k_larger, overall_usage_prompt_cache_read_pct),
    derived_row("total_usage_completion_tokens", "Total Usage Completion Tokens", k_tokens, k_int, 2100, k_rest, Group::usage, k_token | k_larger, total<k_usage_completion>),
    derived_row("total_usage_reasoning_tokens", "Total Usage Reasoning Tokens", k_tokens, k_int, 2110, k_rest, Group::usage, k_token | k_larger, total<k_usage_reasoning>),
    derived_row("total_usage_total_tokens", "Total Usage Total Tokens", k_tokens, k_int, 2200, k_rest, Group::usage, k_token | k_larger, total<k_usage_total>),
    record_row("output_token_count", "Output Token Count", k_tokens, k_int, k_last, 11, Group::none, k_token | k_larger, output_token_count),
    record_row("reasoning_token_count", "Reasoning Token Count", k_tokens, k_int, k_last, 12, Group::none, k_token | k_larger | f::reasoning, reasoning_token_count),
    list_row("inter_chunk_latency", "Inter Chunk Latency", k_ms, k_int, k_last, 13, Group::none, k_stream | f::reads_events, inter_chunk_latency),
    record_row("prefill_throughput_per_user", "Prefill Throughput Per User", k_user_rate, k_real, k_last, k_rest, Group::none, k_stream | k_larger | k_input, prefill_throughput_per_user),
    derived_row("total_output_tokens", "Total Output Tokens", k_tokens, k_int, k_last, 14, Group::none, k_token | k_larger, total<k_output>),
    derived_row("total_reasoning_tokens", "Total Reasoning Tokens", k_tokens, k_int, k_last, 15, Group::none, k_token | k_larger, total<k_reasoning>),
    aggregate_row("min_request_timestamp", "Minimum Request Timestamp", k_timestamp, k_int, k_last, k_rest, Group::none, f::hidden | f::run_only, min_request_timestamp),
    aggregate_row("max_response_timestamp", "Maximum Response Timestamp", k_timestamp, k_int, k_last, k_rest, Group::none, f::hidden | f::run_only, max_response_timestamp),
    derived_row("benchmark_duration", "Benchmark Duration", k_seconds, k_int, k_last, 16, Group::none, 0, benchmark_duration),
    derived_row("total_isl", "Total Input Sequence Length", k_tokens, k_int, k_last, 17, Group::none, k_larger | k_input, total<k_isl>),
    derived_row("total_osl", "Total Output Sequence Length", k_tokens, k_int, k_last, 18, Group::none, k_token | k_larger, total<k_osl>),
    aggregate_row("error_request_count", "Error Request Count", k_requests, k_int, k_last, 19, Group::standard, f::error_only | f::run_only, error_request_count),
    aggregate_row("context_overflow_count", "Context Overflow Count", k_requests, k_int, k_last, k_rest, Group::standard, f::error_only | f::run_only, context_overflow_count),
    derived_row("total_error_isl", "Total Error Input Sequence Length", k_tokens, k_int, k_last, 21, Group::none, f::error_only | k_larger | k_input, total<k_error_isl>),
    derived_row("total_token_throughput", "Total Token Throughput", k_token_rate, k_real, k_last, k_rest, Group::none, k_token | k_larger, total_token_throughput),
    record_row("credit_to_start_latency", "Credit-to-Start Latency", k_ms, k_int, k_last, k_rest, Group::none, k_credit, credit_to_start_latency),
    record_row("effective_latency", "Effective Latency (CO-aware)", k_ms, k_int, k_last, k_rest, Group::effective, k_credit, effective_latency),
    record_row("request_latency_from_plan", "Request Latency from Plan", k_ms, k_int, k_last, k_rest, Group::schedule, f::scheduled_only, request_latency_from_plan),
    record_row("send_lateness", "Send Lateness", k_ms, k_int, k_last, k_rest, Group::schedule, f::scheduled_only, send_lateness),
    record_row("read_lag", "Read Lag", k_ms, k_int, k_last, k_rest, Group::none, f::reads_events, read_lag),
};
// clang-format on

static_assert(std::is_sorted(k_table.begin(), k_table.end(), [](const Definition& a, const Definition& b) {
    return a.display_order < b.display_order;
}));

}  // namespace

bool Definition::applies_to(const RecordView& view) const noexcept {
    if (has(metric_flag::streaming_only) && !view.streamed()) {
        return false;
    }
    if (has(metric_flag::scheduled_only) && !view.scheduled()) {
        return false;
    }
    return has(metric_flag::includes_failed) || view.failed() == has(metric_flag::error_only);
}

std::span<const Definition> definitions() noexcept {
    return k_table;
}

const Definition* find_definition(std::string_view tag) noexcept {
    const auto* const found =
        std::find_if(k_table.begin(), k_table.end(), [&](const Definition& d) { return d.tag == tag; });
    return found != k_table.end() ? &*found : nullptr;
}

}  // namespace aiperf::metric
