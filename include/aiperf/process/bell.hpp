#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/process/descriptor.hpp"

#include <utility>

namespace aiperf::process {

/// Something that can be rung, from another process too, and waited for. Rings while nobody waits are kept as one.
///
/// *Thread safety*: ring() from any thread; one thread waits.
class Bell {
public:
    /// Throws base::SystemError.
    Bell();

    /// The bell of another process, inherited.
    explicit Bell(Descriptor descriptor) noexcept
        : descriptor_(std::move(descriptor)) {}

    /// Wakes the one who waits.
    void ring() const noexcept;

    /// Waits for a ring; false: `deadline` has passed.
    bool wait_until(base::Instant deadline) const;

    /// An eventfd, for a process to inherit; readable once it was rung.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }

    /// Takes a ring; true: there was one.
    bool take() const noexcept;

private:
    Descriptor descriptor_;
};

}  // namespace aiperf::process
