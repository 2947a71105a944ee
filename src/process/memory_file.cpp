#include "aiperf/process/memory_file.hpp"

#include "aiperf/base/error.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aiperf::process {

namespace {

constexpr int k_seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

constexpr int k_future_write = 0x0010;  // F_SEAL_FUTURE_WRITE, which older headers do not have

void append(const Descriptor& memory_file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(memory_file.get(), bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) {
            throw base::SystemError("cannot write a file in memory", errno);
        }
        bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
}

void seal(const Descriptor& memory_file) {
    if (::fcntl(memory_file.get(), F_ADD_SEALS, k_seals) != 0) {
        throw base::SystemError("cannot seal a file in memory", errno);
    }
}

}  // namespace

bool cannot_shrink(const Descriptor& file) noexcept {
    const int seals = ::fcntl(file.get(), F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

Descriptor create_memory_file(const char* name) {
    Descriptor file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) {
        throw base::SystemError("cannot make a file in memory", errno);
    }
    return file;
}

void seal_growing(const Descriptor& memory_file) {
    if (::fcntl(memory_file.get(), F_ADD_SEALS, F_SEAL_SHRINK | k_future_write) != 0 &&
        ::fcntl(memory_file.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
        throw base::SystemError("cannot seal a file in memory", errno);
    }
}

void seal_grown(const Descriptor& memory_file) {
    if (::fcntl(memory_file.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        throw base::SystemError("cannot seal a file in memory", errno);
    }
}

Descriptor make_memory_file(const char* name, std::string_view bytes) {
    Descriptor file = create_memory_file(name);
    append(file, bytes);
    seal(file);
    return file;
}

std::string read_memory_file(const Descriptor& file) {
    struct stat facts {};

    if (::fstat(file.get(), &facts) != 0) {
        throw base::SystemError("cannot read a file in memory", errno);
    }
    std::string bytes(static_cast<std::size_t>(facts.st_size), '\0');
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t got = ::pread(file.get(), bytes.data() + have, bytes.size() - have, static_cast<off_t>(have));
        if (got == 0 || (got < 0 && errno != EINTR)) {
            throw base::SystemError("cannot read a file in memory", got == 0 ? EIO : errno);
        }
        have += got < 0 ? 0 : static_cast<std::size_t>(got);
    }
    return bytes;
}

}  // namespace aiperf::process
