#include "aiperf/metric/record_view.hpp"

#include "aiperf/base/clock.hpp"

#include <algorithm>

namespace aiperf::metric {
namespace {

std::optional<std::int64_t> count_or_absent(std::int32_t count) noexcept {
    return count == record::k_absent ? std::nullopt : std::optional<std::int64_t>(count);
}

bool is_output(const record::Event& event) noexcept {
    return event.has_content() && event.kind != record::EventKind::reasoning;
}

}  // namespace

std::optional<std::int64_t> RecordView::latency_ns() const noexcept {
    const std::int64_t latency = base::elapsed_ns(start_ns(), record_->last_content_ns);
    return record_->last_content_ns != 0 && latency > 0 ? std::optional(latency) : std::nullopt;
}

std::optional<std::int64_t> RecordView::first_token_ns() const noexcept {
    return record_->first_content_ns != 0 ? std::optional(base::elapsed_ns(start_ns(), record_->first_content_ns))
                                          : std::nullopt;
}

std::optional<std::int64_t> RecordView::second_token_ns() const noexcept {
    const std::span<const record::Event> all = events();
    const auto first = std::find_if(all.begin(), all.end(), [](const auto& e) { return e.has_content(); });
    if (first == all.end()) {
        return std::nullopt;
    }
    const auto second = std::find_if(first + 1, all.end(), [](const auto& e) { return e.has_content(); });
    return second != all.end() ? std::optional(base::elapsed_ns(first->at_ns, second->at_ns)) : std::nullopt;
}

std::optional<std::int64_t> RecordView::first_output_ns() const noexcept {
    const std::span<const record::Event> all = events();
    const auto found = std::find_if(all.begin(), all.end(), is_output);
    return found != all.end() ? std::optional(base::elapsed_ns(start_ns(), found->at_ns)) : std::nullopt;
}

std::optional<std::int64_t> RecordView::send_lateness_ns() const noexcept {
    if (record_->planned_ns == 0) {
        return std::nullopt;
    }
    return base::elapsed_ns(record_->planned_ns, start_ns());
}

std::optional<std::int64_t> RecordView::worst_read_lag_ns() const noexcept {
    std::int64_t worst = 0;
    for (const record::Event& event : events()) {
        worst = std::max(worst, event.has_content() ? std::int64_t{event.lag_ns} : 0);
    }
    return worst != 0 ? std::optional(worst) : std::nullopt;
}

std::optional<double> RecordView::inter_token_ns() const noexcept {
    const auto latency = latency_ns();
    const auto first = first_token_ns();
    const auto length = output_length();
    if (!latency || !first || !length || *length < 2) {
        return std::nullopt;
    }
    return static_cast<double>(base::elapsed_ns(*first, *latency)) / static_cast<double>(*length - 1);
}

std::optional<std::int64_t> RecordView::output_tokens() const noexcept {
    if (!context_->use_server_token_count) {
        return count_or_absent(record_->output_tokens);
    }
    const auto completion = count_or_absent(record_->usage_completion_tokens);
    if (!completion) {
        return std::nullopt;
    }
    const auto reasoning = count_or_absent(record_->usage_reasoning_tokens);
    return std::max<std::int64_t>(0, *completion - reasoning.value_or(0));
}

std::optional<std::int64_t> RecordView::reasoning_tokens() const noexcept {
    return count_or_absent(context_->use_server_token_count ? record_->usage_reasoning_tokens
                                                            : record_->reasoning_tokens);
}

std::optional<std::int64_t> RecordView::input_tokens() const noexcept {
    return count_or_absent(context_->use_server_token_count ? record_->usage_prompt_tokens : record_->input_tokens);
}

std::optional<std::int64_t> RecordView::output_length() const noexcept {
    const auto output = output_tokens();
    const auto reasoning = reasoning_tokens();
    return output || reasoning ? std::optional(output.value_or(0) + reasoning.value_or(0)) : std::nullopt;
}

}  // namespace aiperf::metric
