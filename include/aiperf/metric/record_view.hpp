#pragma once

#include "aiperf/metric/summary.hpp"
#include "aiperf/record/record_set.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace aiperf::metric {

/// When the request started, CLOCK_MONOTONIC: just before its first byte was written; a request that never came so far
/// started when its connection did, or else when its slot was held.
[[nodiscard]] inline std::int64_t request_start_ns(const record::Record& record) noexcept {
    if (record.send_start_ns != 0) {
        return record.send_start_ns;
    }
    return record.connect_start_ns != 0 ? record.connect_start_ns : record.acquired_ns;
}

/// When the request ended as AIPerf's metadata has it: at the last message of its answer. A refusal by status ends
/// where it started (AIPerf keeps no message of it), anything without a message when it was given up.
[[nodiscard]] inline std::int64_t request_end_ns(const record::RecordSet& set, const record::Record& record) noexcept {
    if (record.error == static_cast<std::uint8_t>(record::ErrorKind::http_status)) {
        return request_start_ns(record);
    }
    const bool cancelled = record.error == static_cast<std::uint8_t>(record::ErrorKind::cancelled);
    // A damaged record may announce events that are not there.
    const std::span<const record::Event> events = set.events(record);
    return events.empty() || cancelled ? record.end_ns : events.back().at_ns;
}

/// When the credit of a request was issued: its slot was held.
[[nodiscard]] inline std::int64_t credit_issued_ns(const record::Record& record) noexcept {
    return record.acquired_ns != 0 ? record.acquired_ns : record.planned_ns;
}

/// One request as the formulas see it: the questions they ask, answered from the record and its events when asked.
///
/// *Lifetime*: refers to the set, the record and the context. *Thread safety*: const calls from any thread.
class RecordView {
public:
    /// A view of `record`, which is one of `set`.
    RecordView(const record::RecordSet& set, const record::Record& record, const Context& context) noexcept
        : set_(&set),
          record_(&record),
          context_(&context) {}

    /// The record itself.
    [[nodiscard]] const record::Record& record() const noexcept { return *record_; }

    /// True for anything but a good answer.
    [[nodiscard]] bool failed() const noexcept { return record_->error != 0; }

    /// A schedule said when to send it.
    [[nodiscard]] bool scheduled() const noexcept { return context_->open_loop; }

    /// Streaming was asked for and the answer came as a stream.
    [[nodiscard]] bool streamed() const noexcept {
        return context_->streaming && (record_->flags & record::flag::streamed) != 0;
    }

    /// As request_start_ns().
    [[nodiscard]] std::int64_t start_ns() const noexcept { return request_start_ns(*record_); }

    /// As request_end_ns().
    [[nodiscard]] std::int64_t end_ns() const noexcept { return request_end_ns(*set_, *record_); }

    /// Messages of the answer, in order.
    [[nodiscard]] std::span<const record::Event> events() const noexcept { return set_->events(*record_); }

    /// Last content minus start; absent unless positive.
    [[nodiscard]] std::optional<std::int64_t> latency_ns() const noexcept;

    /// First content minus start.
    [[nodiscard]] std::optional<std::int64_t> first_token_ns() const noexcept;

    /// Second content minus first.
    [[nodiscard]] std::optional<std::int64_t> second_token_ns() const noexcept;

    /// First content that is not reasoning alone, minus start.
    [[nodiscard]] std::optional<std::int64_t> first_output_ns() const noexcept;

    /// Latency less time to first token, over the tokens after the first. Nanoseconds; absent below 2 tokens.
    [[nodiscard]] std::optional<double> inter_token_ns() const noexcept;

    /// Start minus the instant the schedule wanted it sent.
    [[nodiscard]] std::optional<std::int64_t> send_lateness_ns() const noexcept;

    /// Longest time that a message with content lay in the kernel before it was read; absent where the system gave no
    /// stamps.
    [[nodiscard]] std::optional<std::int64_t> worst_read_lag_ns() const noexcept;

    /// Tokens by the run's way of counting (the client's tokenizer, or `usage`).
    [[nodiscard]] std::optional<std::int64_t> output_tokens() const noexcept;
    /// As output_tokens(), of the thinking text.
    [[nodiscard]] std::optional<std::int64_t> reasoning_tokens() const noexcept;
    /// As output_tokens(), of the prompt.
    [[nodiscard]] std::optional<std::int64_t> input_tokens() const noexcept;

    /// Output and reasoning together; absent where neither is known.
    [[nodiscard]] std::optional<std::int64_t> output_length() const noexcept;

private:
    const record::RecordSet* set_;
    const record::Record* record_;
    const Context* context_;
};

}  // namespace aiperf::metric
