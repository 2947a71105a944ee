#include "answered_record.hpp"

namespace aiperf::fuzz {

void answer(record::Record& record, std::uint64_t slot) {
    const auto start = static_cast<std::int64_t>(1'000'000 * (slot + 1));
    record.phase = slot < 4 ? 0 : 1;
    record.acquired_ns = start;
    record.send_start_ns = start + 100;
    record.send_end_ns = start + 200;
    record.first_byte_ns = start + 1000;
    record.headers_ns = start + 1000;
    record.first_content_ns = start + 2000;
    record.last_content_ns = start + 9000;
    record.end_ns = start + 9500;
    record.http_status = 200;
    record.flags = record::flag::streamed | record::flag::done_seen | record::flag::text_kept;
    record.usage_prompt_tokens = record.input_tokens = 12;
    record.usage_completion_tokens = record.output_tokens = 34;
    record.usage_total_tokens = 46;
    if (slot % 4 == 3) {
        record.error = static_cast<std::uint8_t>(slot / 4 % 12);
    }
}

}  // namespace aiperf::fuzz
