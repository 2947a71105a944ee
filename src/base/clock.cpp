#include "aiperf/base/clock.hpp"

#include <limits>

namespace aiperf::base {

WallAnchor WallAnchor::take() noexcept {
    WallAnchor best;
    std::int64_t best_gap = std::numeric_limits<std::int64_t>::max();
    for (int i = 0; i < 5; ++i) {
        const std::int64_t before = now_ns();
        const auto wall = std::chrono::system_clock::now().time_since_epoch();
        const std::int64_t after = now_ns();
        if (after - before < best_gap) {
            best_gap = after - before;
            best.monotonic_ns = before + (after - before) / 2;
            best.wall_ns = std::chrono::duration_cast<Nanoseconds>(wall).count();
        }
    }
    return best;
}

}  // namespace aiperf::base
