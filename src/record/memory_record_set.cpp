#include "aiperf/record/record_set.hpp"

#include <utility>

namespace aiperf::record {

MemoryRecordSet::MemoryRecordSet(RunInfo info, std::vector<Row> rows)
    : info_(std::move(info)),
      rows_(std::move(rows)) {
    records_.reserve(rows_.size());
    for (Row& row : rows_) {
        row.record.event_count = static_cast<std::uint32_t>(row.events.size());
        row.record.output_bytes = static_cast<std::uint32_t>(row.output_text.size());
        row.record.reasoning_bytes = static_cast<std::uint32_t>(row.reasoning_text.size());
        row.record.error_bytes = static_cast<std::uint32_t>(row.error_text.size());
        records_.push_back(row.record);
    }
}

const MemoryRecordSet::Row& MemoryRecordSet::row(const Record& record) const noexcept {
    return rows_[static_cast<std::size_t>(&record - records_.data())];
}

std::span<const Event> MemoryRecordSet::events(const Record& record) const noexcept {
    return row(record).events;
}

std::string_view MemoryRecordSet::output_text(const Record& record) const noexcept {
    return row(record).output_text;
}

std::string_view MemoryRecordSet::reasoning_text(const Record& record) const noexcept {
    return row(record).reasoning_text;
}

std::string_view MemoryRecordSet::error_text(const Record& record) const noexcept {
    return row(record).error_text;
}

}  // namespace aiperf::record
