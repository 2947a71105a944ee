#include "aiperf/report/atomic_file.hpp"

#include "aiperf/base/error.hpp"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace aiperf::report {
namespace {

constexpr std::size_t k_flush_bytes = 256 * 1024;

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// As temporary_beside() makes them: .NAME.PID-NUMBER.tmp
bool is_temporary(std::string_view name) {
    constexpr std::string_view k_end = ".tmp";
    if (!name.starts_with('.') || !name.ends_with(k_end)) {
        return false;
    }
    name.remove_suffix(k_end.size());
    const std::size_t dot = name.rfind('.');
    const std::string_view numbers = name.substr(dot + 1);
    const std::size_t dash = numbers.find('-');
    return dot > 1 && dash != std::string_view::npos && is_number(numbers.substr(0, dash)) &&
           is_number(numbers.substr(dash + 1));
}

std::filesystem::path temporary_beside(const std::filesystem::path& target) {
    static std::atomic<unsigned> number{0};
    const std::string suffix = "." + std::to_string(getpid()) + "-" + std::to_string(number.fetch_add(1)) + ".tmp";
    return target.parent_path() / ("." + target.filename().string() + suffix);
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path target)
    : target_(std::move(target)),
      temporary_(temporary_beside(target_)),
      fd_(open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (fd_ < 0) {
        fail("create", errno);
    }
}

AtomicFile::~AtomicFile() {
    if (fd_ >= 0) {
        close(fd_);
    }
    if (!published_) {
        unlink(temporary_.c_str());
    }
}

void AtomicFile::append(std::string_view text) {
    buffer_.append(text);
    if (buffer_.size() >= k_flush_bytes) {
        flush();
    }
}

void AtomicFile::flush() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        const ssize_t written = write(fd_, rest.data(), rest.size());
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            fail("write", errno);
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    buffer_.clear();
}

void AtomicFile::publish(Durable durable) {
    flush();
    if (durable == Durable::yes && fsync(fd_) != 0) {
        fail("sync", errno);
    }
    const int closed = close(std::exchange(fd_, -1));
    if (closed != 0) {
        fail("close", errno);
    }
    if (rename(temporary_.c_str(), target_.c_str()) != 0) {
        fail("rename", errno);
    }
    published_ = true;
    if (durable == Durable::yes) {
        sync_directory();
    }
}

void AtomicFile::sync_directory() const {
    const std::filesystem::path parent = target_.has_parent_path() ? target_.parent_path() : ".";
    const int directory = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        fail("sync the directory of", errno);
    }
    const bool synced = fsync(directory) == 0 || errno == EINVAL;  // some file systems have nothing to sync there
    const int error_number = errno;
    close(directory);
    if (!synced) {
        fail("sync the directory of", error_number);
    }
}

void remove_unfinished_files(const std::filesystem::path& directory) {
    std::error_code ignored;  // what cannot be removed harms nobody
    for (std::filesystem::directory_iterator entry(directory, ignored), end; entry != end; entry.increment(ignored)) {
        if (is_temporary(entry->path().filename().string())) {
            std::filesystem::remove(entry->path(), ignored);
        }
    }
}

void AtomicFile::fail(const char* verb, int error_number) const {
    throw base::SystemError("cannot " + std::string(verb) + " " + target_.string(), error_number);
}

}  // namespace aiperf::report
