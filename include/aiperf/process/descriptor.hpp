#pragma once

#include <utility>

namespace aiperf::process {

/// Owns one file descriptor and closes it. -1 = none. *Thread safety*: none.
class Descriptor {
public:
    Descriptor() noexcept = default;

    explicit Descriptor(int fd) noexcept
        : fd_(fd) {}

    ~Descriptor() { reset(); }

    Descriptor(Descriptor&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)) {}

    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }

    [[nodiscard]] int get() const noexcept { return fd_; }

    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Gives it away: the caller closes it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    /// Closes it now.
    void reset() noexcept;

private:
    int fd_ = -1;
};

}  // namespace aiperf::process
