#include "aiperf/process/descriptor.hpp"

#include <unistd.h>

namespace aiperf::process {

void Descriptor::reset() noexcept {
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

}  // namespace aiperf::process
