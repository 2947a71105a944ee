#include "aiperf/record/growing_file.hpp"

#include "aiperf/base/error.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aiperf::record {

namespace {

constexpr std::uint64_t k_page = 4096;
constexpr std::uint64_t k_largest_extent = 64ULL << 20U;
constexpr std::uint64_t k_least_ahead = 512ULL << 10U;
constexpr std::uint64_t k_most_ahead = 4ULL << 20U;
constexpr std::uint64_t k_populate_step = 1ULL << 20U;
constexpr std::uint64_t k_widest_range = 64ULL << 30U;
constexpr std::uint64_t k_narrowest_range = 1ULL << 30U;

std::uint64_t round_up(std::uint64_t bytes) noexcept {
    return (bytes + k_page - 1) / k_page * k_page;
}

/// Bytes to populate ahead of use: a file that is little used keeps little memory.
std::uint64_t ahead_of(std::uint64_t used) noexcept {
    return std::clamp(used / 8, k_least_ahead, k_most_ahead);
}

/// Error number, or 0. A signal only interrupts.
int allocate(int fd, std::uint64_t from, std::uint64_t to) noexcept {
    int failure = EINTR;
    while (failure == EINTR) {
        failure = ::posix_fallocate(fd, static_cast<off_t>(from), static_cast<off_t>(to - from));
    }
    return failure;
}

}  // namespace

GrowingFile::GrowingFile(const std::filesystem::path& path, std::uint64_t first_bytes)
    : path_(path) {
    // A new inode: whoever has an earlier file of this name mapped keeps what he has.
    ::unlink(path.c_str());
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd_ < 0) {
        throw base::SystemError("cannot create " + path.string(), errno);
    }
    int failure = map();
    if (failure == 0 && !reserve(first_bytes)) {
        failure = error();
        ::munmap(data_, range_);
    }
    if (failure != 0) {
        ::close(fd_);
        throw base::SystemError("cannot reserve " + path.string(), failure);
    }
}

GrowingFile::GrowingFile(const std::filesystem::path& path)
    : path_(path),
      fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    if (fd_ < 0) {
        throw base::SystemError("cannot open " + path.string(), errno);
    }
    if (const int failure = map(); failure != 0) {
        ::close(fd_);
        throw base::SystemError("cannot map " + path.string(), failure);
    }
    look_again();
}

/// errno, or 0.
int GrowingFile::map() noexcept {
    void* map = MAP_FAILED;
    for (range_ = k_widest_range; range_ >= k_narrowest_range; range_ /= 2) {
        map = ::mmap(nullptr, range_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd_, 0);
        if (map != MAP_FAILED) {
            data_ = static_cast<std::byte*>(map);
            return 0;
        }
    }
    return errno;
}

std::uint64_t GrowingFile::look_again() noexcept {
    const std::scoped_lock lock(mutex_);

    struct stat facts {};

    if (!finished_ && ::fstat(fd_, &facts) == 0) {
        const auto size = static_cast<std::uint64_t>(facts.st_size);
        if (size > reserved_.load(std::memory_order_relaxed)) {
            reserved_.store(size, std::memory_order_release);
        }
    }
    return reserved();
}

GrowingFile::~GrowingFile() {
    ::munmap(data_, range_);
    ::close(fd_);
}

bool GrowingFile::reserve(std::uint64_t end) noexcept {
    look_again();  // what another process has reserved is not reserved twice
    const std::scoped_lock lock(mutex_);
    const std::uint64_t have = reserved_.load(std::memory_order_relaxed);
    if (end <= have || finished_) {
        return end <= have;
    }
    // Extents double from small beginnings, so that ten requests do not reserve 64 MiB.
    std::uint64_t want = std::min(round_up(std::max(end, have + std::clamp(have, k_page, k_largest_extent))), range_);
    int failure = end > range_ ? EFBIG : 0;
    if (failure == 0) {
        failure = allocate(fd_, have, want);
        if (failure == ENOSPC && round_up(end) < want) {
            want = round_up(end);  // less, but enough
            failure = allocate(fd_, have, want);
        }
    }
    if (failure != 0) {
        int none = 0;
        error_.compare_exchange_strong(none, failure);
        return false;
    }
    reserved_.store(want, std::memory_order_release);
    return true;
}

bool GrowingFile::wants_growth() const noexcept {
    const std::uint64_t used = used_.load(std::memory_order_relaxed);
    const std::uint64_t have = reserved();
    if (error() == 0 && used + std::min(have / 2, k_largest_extent / 2) > have) {
        return true;
    }
    return populated_.load(std::memory_order_relaxed) < std::min(used + ahead_of(used) / 2, have);
}

void GrowingFile::grow_ahead() noexcept {
    const std::uint64_t used = used_.load(std::memory_order_relaxed);
    const std::uint64_t have = reserved();
    if (error() == 0 && used + std::min(have / 2, k_largest_extent / 2) > have && have < range_) {
        reserve(have + 1);
    }
    std::uint64_t from = std::max(populated_.load(std::memory_order_relaxed), used / k_page * k_page);
    const std::uint64_t to = std::min(used + ahead_of(used), reserved()) / k_page * k_page;
    while (from < to) {
        const std::uint64_t step = std::min(k_populate_step, to - from);
#ifdef MADV_POPULATE_WRITE
        ::madvise(data_ + from, step, MADV_POPULATE_WRITE);  // older kernels refuse: pages then fault on first use
#endif
        from += step;
    }
    populated_.store(std::max(from, populated_.load(std::memory_order_relaxed)), std::memory_order_relaxed);
}

void GrowingFile::finish(std::uint64_t bytes) noexcept {
    const std::scoped_lock lock(mutex_);
    finished_ = true;  // growing ahead may still be under way
    // Shrinking needs no space; where it fails all the same, the file is merely longer than needed.
    if (::ftruncate(fd_, static_cast<off_t>(bytes)) == 0) {
        reserved_.store(std::min(bytes, reserved_.load(std::memory_order_relaxed)), std::memory_order_release);
    }
}

}  // namespace aiperf::record
