#pragma once

#include "aiperf/base/rng.hpp"
#include "aiperf/record/journal.hpp"
#include "aiperf/record/journal_reader.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace aiperf::test {

/// What the tests write into a slot: a function of its number, so that readers know what to expect.
struct ExpectedRow {
    std::int64_t stamp = 0;
    std::vector<record::Event> events;
    std::string output;
    std::string reasoning;
    std::string error;

    explicit ExpectedRow(std::uint64_t slot) {
        base::Rng rng(slot);
        stamp = static_cast<std::int64_t>(rng.below(1U << 30U));
        for (auto more = rng.below(6); more > 0; --more) {
            record::Event event;
            event.at_ns = static_cast<std::int64_t>(rng.below(1U << 30U));
            event.text_bytes = static_cast<std::uint16_t>(rng.below(1000));
            event.kind = record::EventKind::output;
            events.push_back(event);
        }
        output = text(rng, 'o');
        reasoning = text(rng, 'r');
        error = text(rng, 'e');
    }

    static std::string text(base::Rng& rng, char mark) {
        return rng.below(3) == 0 ? std::string{} : std::string(rng.below(200), mark) + std::to_string(rng.below(1000));
    }
};

/// Claims, fills and commits a slot. False = the disk is full.
inline bool write_row(record::Journal::Writer& writer, std::uint64_t slot) {
    const ExpectedRow row(slot);
    record::Record* record = writer.claim(slot);
    if (record == nullptr) {
        return false;
    }
    record->planned_ns = row.stamp;
    record->session = static_cast<std::uint32_t>(slot);
    writer.mark_sent(*record);
    return writer.commit(*record, row.events, row.output, row.reasoning, row.error);
}

inline record::State state_of(const record::Record& record) {
    return static_cast<record::State>(record.state);
}

/// True where a reader finds in a slot what write_row() put there.
inline bool row_is_right(const record::RecordSet& set, std::uint64_t slot) {
    const ExpectedRow row(slot);
    const record::Record& record = set.records()[slot];
    const auto events = set.events(record);
    bool same = state_of(record) == record::State::committed && record.planned_ns == row.stamp &&
                record.session == slot && record.output_tokens == record::k_absent &&
                events.size() == row.events.size();
    for (std::size_t i = 0; same && i < events.size(); ++i) {
        same = events[i].at_ns == row.events[i].at_ns && events[i].text_bytes == row.events[i].text_bytes &&
               events[i].kind == row.events[i].kind;
    }
    return same && set.output_text(record) == row.output && set.reasoning_text(record) == row.reasoning &&
           set.error_text(record) == row.error;
}

inline record::JournalPlan plan_of(std::uint32_t workers, std::uint64_t expected_slots = 0) {
    record::JournalPlan plan;
    plan.info.run_key = 0x1234'5678'9abc'def0;
    plan.info.seed = 99;
    plan.info.anchor = {1000, 2'000'000};
    plan.info.workers = workers;
    plan.expected_slots = expected_slots;
    return plan;
}

}  // namespace aiperf::test
