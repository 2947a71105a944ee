#pragma once

#include "aiperf/record/growing_file.hpp"
#include "aiperf/record/layout.hpp"
#include "aiperf/record/record.hpp"
#include "aiperf/record/record_set.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

namespace aiperf::record {

/// How large a journal is expected to become; only sizes the first extents.
struct JournalPlan {
    RunInfo info;                      ///< phases are added by begin_phase()
    std::uint64_t expected_slots = 0;  ///< 0 = unknown
};

/// The journal of a run, being written: `records` (one file, slot = claimed index) and `events.N`, `text.N` for each
/// worker. What is committed is in the page cache: it survives the death of every process, by whatever signal.
///
/// *Thread safety*: slot() for distinct slots from any thread; each Writer belongs to one thread.
class Journal {
public:
    class Writer;

    /// Creates the files in `directory` (made where missing). Throws base::SystemError; base::ConfigError for a
    /// directory on NFS, where a mapping is not safe.
    Journal(const std::filesystem::path& directory, const JournalPlan& plan);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    /// Notes a phase in the header; at most k_max_phases. Not thread-safe.
    void begin_phase(const PhaseInfo& phase);
    void end_phase(std::int64_t end_ns) noexcept;

    /// The writer of worker `worker`. *Lifetime*: the journal's.
    [[nodiscard]] Writer& writer(std::uint32_t worker) noexcept { return *writers_[worker]; }

    /// Closes in good order: notes the number of slots and cuts the files to what is used. Writers must be at rest.
    void finish(std::uint64_t slots) noexcept;

    /// Texts of a committed record.
    [[nodiscard]] std::string_view output_text(const Record& record) const noexcept;
    [[nodiscard]] std::string_view reasoning_text(const Record& record) const noexcept;

    /// What stopped a file from growing, as "path: reason"; empty = nothing.
    [[nodiscard]] std::string failure() const;

    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

    /// Record of a slot whose bytes have been ensured. Used by writers, and to add token counts later.
    [[nodiscard]] Record& at(std::uint64_t slot) const noexcept {
        return reinterpret_cast<Record*>(records_->data() + k_header_bytes)[slot];  // NOLINT: the file's layout
    }

    /// Slots whose bytes are there, claimed or not.
    [[nodiscard]] std::uint64_t readable_slots() const noexcept {
        return (records_->reserved() - k_header_bytes) / sizeof(Record);
    }

private:
    friend class Writer;

    void kick() noexcept;
    void extend_loop();

    std::filesystem::path directory_;
    std::unique_ptr<GrowingFile> records_;
    std::vector<std::unique_ptr<Writer>> writers_;
    std::atomic<std::uint32_t> kicks_{0};
    std::atomic<bool> stopping_{false};
    std::thread extender_;
};

/// One worker's hand on the journal.
class Journal::Writer {
public:
    Writer(Journal& journal, std::uint32_t worker, const std::filesystem::path& directory);

    /// The slot's record in state `claimed`, or nullptr where the disk is full.
    [[nodiscard]] Record* claim(std::uint64_t slot) noexcept;

    /// Moves a record to `sent`: from here on a death of this worker leaves an error record behind.
    static void mark_sent(Record& record) noexcept;

    /// Writes events and texts, then the record's state as the last thing. False where the disk is full: the record
    /// stays `sent`.
    [[nodiscard]] bool commit(Record& record,
                              std::span<const Event> events,
                              std::string_view output,
                              std::string_view reasoning,
                              std::string_view error) noexcept;

private:
    friend class Journal;

    Journal& journal_;
    std::uint16_t worker_;
    GrowingFile events_;
    GrowingFile text_;
    std::uint64_t events_end_ = k_side_header_bytes;
    std::uint64_t text_end_ = k_side_header_bytes;
    std::uint64_t records_end_ = 0;
};

}  // namespace aiperf::record
