#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/record/record.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::record {

/// A phase as the journal's header keeps it.
struct PhaseInfo {
    std::string name;              ///< "warmup", "profiling"
    bool profiling = true;         ///< false: its records do not feed the numbers
    std::uint64_t first_slot = 0;  ///< slot of the phase's index 0
    std::int64_t start_ns = 0;     ///< CLOCK_MONOTONIC; planned times count from here
    std::int64_t end_ns = 0;       ///< 0 = not over when this was written
};

/// What is common to all records of a run.
struct RunInfo {
    std::uint64_t run_key = 0;      ///< key of base::IdSource: request and correlation ids follow from it
    std::uint64_t seed = 0;         ///< of the run's random numbers
    base::WallAnchor anchor;        ///< ties CLOCK_MONOTONIC to the Unix epoch
    std::vector<PhaseInfo> phases;  ///< in the order they began
    std::uint32_t workers = 1;      ///< how many
};

/// All records of a run, read-only, one array in slot (start) order; a live journal, a finished one, or values made by
/// hand in a test. Rows that are not `committed` must be skipped by the reader.
///
/// *Lifetime*: spans and views live as long as the set. *Thread safety*: const calls from any thread.
class RecordSet {
public:
    virtual ~RecordSet() = default;

    /// What is common to all.
    [[nodiscard]] virtual const RunInfo& info() const noexcept = 0;
    /// In slot order, those that are not committed included.
    [[nodiscard]] virtual std::span<const Record> records() const noexcept = 0;
    /// Messages of a record's answer, in order.
    [[nodiscard]] virtual std::span<const Event> events(const Record& record) const noexcept = 0;
    /// Visible text; empty where it was not kept.
    [[nodiscard]] virtual std::string_view output_text(const Record& record) const noexcept = 0;
    /// Thinking text; empty where it was not kept.
    [[nodiscard]] virtual std::string_view reasoning_text(const Record& record) const noexcept = 0;
    /// Text of the error; empty for a good answer.
    [[nodiscard]] virtual std::string_view error_text(const Record& record) const noexcept = 0;
};

/// A set held in memory: for tests and for records read back from exports.
class MemoryRecordSet final : public RecordSet {
public:
    /// One request with what belongs to it.
    struct Row {
        Record record;               ///< offsets in it mean nothing
        std::vector<Event> events;   ///< in order
        std::string output_text;     ///< visible text
        std::string reasoning_text;  ///< thinking text
        std::string error_text;      ///< empty for a good answer
    };

    /// Takes the rows over; slot = index of the row.
    MemoryRecordSet(RunInfo info, std::vector<Row> rows);

    [[nodiscard]] const RunInfo& info() const noexcept override { return info_; }

    [[nodiscard]] std::span<const Record> records() const noexcept override { return records_; }

    [[nodiscard]] std::span<const Event> events(const Record& record) const noexcept override;
    [[nodiscard]] std::string_view output_text(const Record& record) const noexcept override;
    [[nodiscard]] std::string_view reasoning_text(const Record& record) const noexcept override;
    [[nodiscard]] std::string_view error_text(const Record& record) const noexcept override;

private:
    [[nodiscard]] const Row& row(const Record& record) const noexcept;

    RunInfo info_;
    std::vector<Row> rows_;
    std::vector<Record> records_;
};

/// The error of a record as AIPerf words it. `code` 0 = the key is left out.
struct ErrorDetails {
    int code = 0;         ///< an HTTP status, or 0
    std::string type;     ///< "TimeoutError"
    std::string message;  ///< for people

    friend bool operator==(const ErrorDetails&, const ErrorDetails&) = default;
};

/// Code, type and message of an erroneous record. Precondition: record.error != none.
[[nodiscard]] ErrorDetails error_details(const RecordSet& set, const Record& record);

}  // namespace aiperf::record
