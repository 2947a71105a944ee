#pragma once

#include "aiperf/record/growing_file.hpp"
#include "aiperf/record/layout.hpp"
#include "aiperf/record/record.hpp"
#include "aiperf/record/record_set.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

namespace aiperf::record {

/// How large a journal is expected to become; only sizes the first extents.
struct JournalPlan {
    RunInfo info;                      ///< phases are added by begin_phase()
    std::uint64_t expected_slots = 0;  ///< 0 = unknown
    bool shared = false;               ///< true: each worker is a process that joins it; writer() is not for use then
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

    /// The part of worker `worker` in a shared journal, in its own process: writer(worker), at() and finish_worker()
    /// are for use. Throws base::SystemError.
    [[nodiscard]] static std::unique_ptr<Journal> join(const std::filesystem::path& directory, std::uint32_t worker);

    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    /// Notes a phase in the header; at most k_max_phases. Not thread-safe.
    void begin_phase(const PhaseInfo& phase);
    /// Notes the end of the phase begun last.
    void end_phase(std::int64_t end_ns) noexcept;

    /// The writer of worker `worker`. *Lifetime*: the journal's.
    [[nodiscard]] Writer& writer(std::uint32_t worker) noexcept { return *writers_[worker - first_worker_]; }

    /// Closes in good order: notes the number of slots and cuts the files to what is used; of a shared journal the
    /// workers cut their own. Writers must be at rest.
    void finish(std::uint64_t slots) noexcept;

    /// Cuts the files of one worker to what is used; its writer must be at rest.
    void finish_worker(std::uint32_t worker) noexcept;

    /// Slots [first, first + count) of a phase, in which worker `worker` has died.
    struct Loss {
        std::uint32_t worker = 0;    ///< that has died
        std::uint64_t first = 0;     ///< slot
        std::uint64_t count = 0;     ///< slots
        std::uint8_t phase = 0;      ///< index into the header's phases
        std::uint32_t entries = 1;   ///< of the data set
        bool unsent = false;         ///< also what was claimed and not sent; then all workers must be at rest
        bool several_turns = false;  ///< sessions have them: of an index nobody has named, the session is not known
    };

    /// What a dead worker has sent and not committed becomes error records (ErrorKind::lost) with `text`,
    /// ending now. Returns how many.
    std::uint64_t settle_lost(const Loss& loss, std::string_view text);

    /// Texts of a committed record.
    [[nodiscard]] std::string_view output_text(const Record& record) const noexcept;
    /// Thinking text of a committed record.
    [[nodiscard]] std::string_view reasoning_text(const Record& record) const noexcept;
    /// Error text of a committed record; empty for a good answer.
    [[nodiscard]] std::string_view error_text(const Record& record) const noexcept;

    /// Messages of a committed record.
    [[nodiscard]] std::span<const Event> events(const Record& record) const noexcept;

    /// What stopped a file from growing, as "path: reason"; empty = nothing.
    [[nodiscard]] std::string failure() const;

    /// Where its files are.
    [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }

    /// Record of a slot whose bytes have been ensured. Used by writers, and to add token counts later.
    [[nodiscard]] Record& at(std::uint64_t slot) const noexcept {
        return reinterpret_cast<Record*>(records_->data() + k_header_bytes)[slot];  // NOLINT: the file's layout
    }

    /// Slots whose bytes are there, claimed or not.
    [[nodiscard]] std::uint64_t readable_slots() const noexcept {
        return ((shared_ ? records_->look_again() : records_->reserved()) - k_header_bytes) / sizeof(Record);
    }

private:
    friend class Writer;

    Journal() = default;

    void kick() noexcept;
    void extend_loop();

    std::filesystem::path directory_;
    std::unique_ptr<GrowingFile> records_;
    std::vector<std::unique_ptr<Writer>> writers_;
    std::uint32_t first_worker_ = 0;  // of writers_
    bool shared_ = false;
    std::atomic<std::uint32_t> kicks_{0};
    std::atomic<bool> stopping_{false};
    std::thread extender_;
};

/// One worker's hand on the journal.
class Journal::Writer {
public:
    /// Creates the worker's files, or maps them where they exist already.
    enum class Files : std::uint8_t { create, existing };
    /// Throws base::SystemError where the files cannot be made or mapped.
    Writer(Journal& journal, std::uint32_t worker, const std::filesystem::path& directory, Files files);

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

    /// errno of the first record or text that got no room; 0 = none.
    [[nodiscard]] int error() const noexcept;

private:
    friend class Journal;

    std::uint64_t append_text(std::string_view text) noexcept;

    Journal& journal_;
    std::uint16_t worker_;
    std::unique_ptr<GrowingFile> events_;
    std::unique_ptr<GrowingFile> text_;
    std::uint64_t events_end_ = k_side_header_bytes;
    std::uint64_t text_end_ = k_side_header_bytes;
    std::uint64_t records_end_ = 0;
};

}  // namespace aiperf::record
