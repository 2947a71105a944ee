#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>

namespace aiperf::record {

/// A file that is written through one mapping and grows by reserved extents, so that a full disk is an error in time
/// and never a SIGBUS. Bytes below reserved() may be written by anybody; ensure() makes sure of them; grow_ahead() does
/// so in advance.
///
/// *Thread safety*: ensure(), note_used() and grow_ahead() from any thread.
class GrowingFile {
public:
    /// Creates the file (a new one: an earlier one of the name is unlinked) and reserves its first `first_bytes`.
    /// Throws base::SystemError.
    GrowingFile(const std::filesystem::path& path, std::uint64_t first_bytes);

    /// Maps a file that another process has made, and may be growing too. Throws base::SystemError.
    explicit GrowingFile(const std::filesystem::path& path);

    ~GrowingFile();
    GrowingFile(const GrowingFile&) = delete;
    GrowingFile& operator=(const GrowingFile&) = delete;

    /// First byte of the mapping.
    [[nodiscard]] std::byte* data() const noexcept { return data_; }

    /// Bytes that can be written.
    [[nodiscard]] std::uint64_t reserved() const noexcept { return reserved_.load(std::memory_order_acquire); }

    /// Takes notice of what another process has reserved meanwhile; returns reserved().
    std::uint64_t look_again() noexcept;

    /// True once bytes [0, end) can be written. Reserves what is missing where grow_ahead() has not come to it yet.
    /// False = the disk is full (or the map's range is used up); error() says why.
    [[nodiscard]] bool ensure(std::uint64_t end) noexcept { return end <= reserved() || reserve(end); }

    /// Tells how far the file is used: grow_ahead() keeps ahead of it.
    void note_used(std::uint64_t end) noexcept {
        if (end > used_.load(std::memory_order_relaxed)) {
            used_.store(end, std::memory_order_relaxed);
        }
    }

    /// True where grow_ahead() has something to do.
    [[nodiscard]] bool wants_growth() const noexcept;

    /// Reserves the next extent and populates pages shortly ahead of use. Off the hot path only.
    void grow_ahead() noexcept;

    /// errno of the first failure to reserve; 0 = none.
    [[nodiscard]] int error() const noexcept { return error_.load(std::memory_order_relaxed); }

    /// Of the file.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Cuts the file to `bytes` at the end of its life. No write may follow, and it does not grow any more.
    void finish(std::uint64_t bytes) noexcept;

private:
    bool reserve(std::uint64_t end) noexcept;
    [[nodiscard]] int map() noexcept;

    std::filesystem::path path_;
    int fd_ = -1;
    std::byte* data_ = nullptr;
    std::uint64_t range_ = 0;
    std::atomic<std::uint64_t> reserved_{0};
    std::atomic<std::uint64_t> used_{0};
    std::atomic<std::uint64_t> populated_{0};
    std::atomic<int> error_{0};
    std::mutex mutex_;
    bool finished_ = false;  // it does not grow any more
};

}  // namespace aiperf::record
