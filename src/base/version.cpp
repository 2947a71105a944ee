#include "aiperf/base/version.hpp"

namespace aiperf::base {

const char* version() noexcept {
    return AIPERF_VERSION;
}

}  // namespace aiperf::base
