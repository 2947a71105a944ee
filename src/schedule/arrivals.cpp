#include "aiperf/schedule/arrivals.hpp"

#include <cmath>

namespace aiperf::schedule {

namespace {

/// Gamma(shape, 1). Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000;
/// shapes below 1 by their boost Gamma(a) = Gamma(a + 1) * U^(1/a).
double gamma_draw(base::Rng& rng, double shape) noexcept {
    if (shape < 1.0) {
        const double boosted = gamma_draw(rng, shape + 1.0);
        return boosted * std::pow(rng.uniform(), 1.0 / shape);
    }
    const double d = shape - 1.0 / 3.0;
    const double c = 1.0 / std::sqrt(9.0 * d);
    while (true) {
        const double x = rng.normal();
        const double root = 1.0 + c * x;
        if (root <= 0.0) {
            continue;
        }
        const double v = root * root * root;
        if (std::log(rng.uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) {
            return d * v;
        }
    }
}

}  // namespace

double gap_seconds(const Arrivals& arrivals, std::uint64_t index) noexcept {
    if (arrivals.process == Process::constant) {
        return 1.0 / arrivals.rate;
    }
    base::Rng rng(base::mix64(arrivals.seed) ^ base::mix64(index));
    if (arrivals.process == Process::poisson) {
        return -std::log(rng.uniform()) / arrivals.rate;
    }
    return gamma_draw(rng, arrivals.smoothness) / (arrivals.rate * arrivals.smoothness);
}

base::Nanoseconds ArrivalCursor::at(std::uint64_t index) noexcept {
    if (arrivals_.process == Process::constant) {
        // No sum: the grid is exact at any length.
        return base::Nanoseconds(std::llround((static_cast<double>(index) + 1.0) * 1e9 / arrivals_.rate));
    }
    for (; next_ <= index; ++next_) {
        sum_ns_ += gap_seconds(arrivals_, next_) * 1e9;
    }
    return base::Nanoseconds(std::llround(sum_ns_));
}

}  // namespace aiperf::schedule
