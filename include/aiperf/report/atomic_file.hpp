#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace aiperf::report {

/// Whether a file is to be there after the machine itself has failed, which may take the disk tens of milliseconds.
enum class Durable : std::uint8_t { yes, no };

/// A file that appears whole or not at all: written under a temporary name in the directory of `target`, then synced
/// and renamed by publish(). Destroyed before that, it leaves nothing.
///
/// All calls throw base::SystemError naming the target. *Thread safety*: none.
class AtomicFile {
public:
    /// Opens a temporary file beside `target`.
    explicit AtomicFile(std::filesystem::path target);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    /// Adds text.
    void append(std::string_view text);

    /// Flushes, renames over the target; syncs the file before that and the directory after it, where it is to be
    /// durable. Call once.
    void publish(Durable durable = Durable::yes);

private:
    void flush();
    void sync_directory() const;
    [[noreturn]] void fail(const char* verb, int error_number) const;

    std::filesystem::path target_;
    std::filesystem::path temporary_;
    std::string buffer_;
    int fd_ = -1;
    bool published_ = false;
};

/// Removes what AtomicFiles of programs that were killed have left in a directory. Nobody may be writing to it. What
/// cannot be removed stays.
void remove_unfinished_files(const std::filesystem::path& directory);

}  // namespace aiperf::report
