#pragma once

#include "aiperf/config/run_config.hpp"
#include "preparation.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace aiperf::control {

/// What `run.json` beside a journal says of its run: enough to make its artifacts again.
struct RunDescription {
    config::RunConfig config;  ///< as asked; secrets redacted
    std::string benchmark_id;
    std::uint64_t entries = 0;  ///< of the data set

    /// Throws base::RunError for a file that is missing or cannot be read.
    [[nodiscard]] static RunDescription read(const std::filesystem::path& journal_directory);
};

/// The journal's directory while a run has it: locked against other runs.
class JournalFolder {
public:
    /// Locks the directory. A journal in it whose run was interrupted is moved aside, not overwritten. Throws
    /// base::RunError where another run is using it.
    [[nodiscard]] static std::unique_ptr<JournalFolder> take(const Preparation& preparation);

    /// Locks a journal's directory as it is. Throws base::RunError where it is not there or a run is using it.
    [[nodiscard]] static std::unique_ptr<JournalFolder> lock(const std::filesystem::path& journal_directory);

    /// Throws base::RunError where a run is writing to a journal's directory. Leaves nothing behind.
    static void require_idle(const std::filesystem::path& journal_directory);

    ~JournalFolder();
    JournalFolder(const JournalFolder&) = delete;
    JournalFolder& operator=(const JournalFolder&) = delete;

    /// Where an interrupted run's journal went; empty = there was none.
    [[nodiscard]] const std::string& moved_aside() const noexcept { return moved_aside_; }

    /// Writes run.json.
    void describe(const Preparation& preparation) const;

private:
    JournalFolder() = default;

    std::filesystem::path directory_;
    std::string moved_aside_;
    int lock_ = -1;
};

}  // namespace aiperf::control
