#pragma once

#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <cstring>
#include <string>
#include <sys/mount.h>

namespace aiperf::test {

/// A file system of a given size; mounted() is false, with a visible message, where the
/// system does not let us make one.
class SmallDisk {
public:
    explicit SmallDisk(const std::string& size)
        : mounted_(::mount("none", directory_.path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0) {
        if (!mounted_) {
            WARN("Skipped: mounting a small file system is not permitted here (" << std::strerror(errno) << ")");
        }
    }

    ~SmallDisk() {
        if (mounted_) {
            ::umount2(directory_.path().c_str(), MNT_DETACH);
        }
    }

    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    [[nodiscard]] bool mounted() const noexcept { return mounted_; }

    [[nodiscard]] const std::filesystem::path& where() const noexcept { return directory_.path(); }

private:
    TemporaryDirectory directory_;
    bool mounted_;
};

}  // namespace aiperf::test
