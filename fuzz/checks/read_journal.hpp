#pragma once

#include "aiperf/base/error.hpp"
#include "aiperf/metric/record_metrics.hpp"
#include "aiperf/metric/record_view.hpp"
#include "aiperf/metric/summary.hpp"
#include "aiperf/record/journal_reader.hpp"

#include <cstddef>
#include <filesystem>
#include <string_view>

namespace aiperf::test {

/// Looks at every byte a set of records gives out. Returns how many records are committed.
inline std::size_t look_at_everything(const record::RecordSet& set) {
    std::size_t committed = 0;
    volatile std::size_t sum = 0;
    for (const record::PhaseInfo& phase : set.info().phases) {
        sum = sum + phase.name.size();
    }
    for (const record::Record& record : set.records()) {
        committed += record.state == static_cast<std::uint16_t>(record::State::committed) ? 1U : 0U;
        for (const record::Event& event : set.events(record)) {
            sum = sum + event.text_bytes + (event.has_content() ? 1U : 0U);
        }
        for (const std::string_view text :
             {set.output_text(record), set.reasoning_text(record), set.error_text(record)}) {
            for (const char c : text) {
                sum = sum + static_cast<unsigned char>(c);
            }
        }
        sum = sum + record::error_details(set, record).message.size();
    }
    return committed;
}

/// Computes every number there is of a set, in each way of counting.
inline void compute_everything(const record::RecordSet& set) {
    volatile double sum = 0.0;
    for (const bool streaming : {false, true}) {
        for (const bool server_counts : {false, true}) {
            const metric::Context context{
                .streaming = streaming, .use_server_token_count = server_counts, .cancelled = server_counts};
            sum = sum + static_cast<double>(metric::summarise(set, context).metrics.size());
            for (const record::Record& record : set.records()) {
                sum = sum + static_cast<double>(metric::record_metrics(set, record, context).size());
                sum = sum + static_cast<double>(metric::request_end_ns(set, record));
            }
        }
    }
}

/// Reads a journal as a recovery does, and everything in it. True where it was read, false where it was refused;
/// whatever else is thrown is a fault.
inline bool read_journal(const std::filesystem::path& directory) {
    try {
        record::JournalReader reader(directory);
        look_at_everything(reader);
        reader.settle_lost();
        look_at_everything(reader);
        compute_everything(reader);
        return true;
    } catch (const base::RunError&) {
        return false;
    }
}

}  // namespace aiperf::test
