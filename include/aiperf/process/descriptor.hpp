#pragma once

#include <utility>

namespace aiperf::process {

/// Owns one file descriptor and closes it. -1 = none. *Thread safety*: none.
class Descriptor {
public:
    Descriptor() noexcept = default;

    /// Owns what it is given; -1 = none.
    explicit Descriptor(int fd) noexcept
        : fd_(fd) {}

    ~Descriptor() { reset(); }

    /// Owns what it is given; -1 = none.
    Descriptor(Descriptor&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)) {}

    /// Closes what it owned and takes over what `other` has.
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }

    /// -1 = none.
    [[nodiscard]] int get() const noexcept { return fd_; }

    /// True where there is one.
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Gives it away: the caller closes it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    /// Closes it now.
    void reset() noexcept;

private:
    int fd_ = -1;
};

}  // namespace aiperf::process
