#include "aiperf/metric/percentile_bounds.hpp"

#include <algorithm>
#include <cmath>

namespace aiperf::metric {
namespace {

/// The logarithm of gamma(x). std::lgamma also writes a global, which two runs of a process would share.
double log_gamma(double x) noexcept {
    int sign = 0;
    return ::lgamma_r(x, &sign);
}

/// Smallest r with P(Bin(count, q) <= r) >= k_confidence. Sums the probabilities from above, where they are few and
/// small: the sum of the tail must not exceed 1 - k_confidence.
std::size_t upper_rank(double q, std::size_t count) {
    const auto n = static_cast<double>(count);
    const double odds = std::log(q) - std::log1p(-q);
    // P(B = k), begun well above the mean, where what lies beyond is nothing.
    const double spread = std::sqrt(n * q * (1.0 - q));
    const auto first = static_cast<std::size_t>(std::min(n, std::ceil(n * q + 12.0 * spread + 12.0)));
    const auto k = static_cast<double>(first);
    double log_probability =
        log_gamma(n + 1.0) - log_gamma(k + 1.0) - log_gamma(n - k + 1.0) + k * std::log(q) + (n - k) * std::log1p(-q);
    double tail = 0.0;
    std::size_t rank = first;
    while (rank > 0) {
        tail += std::exp(log_probability);
        if (tail > 1.0 - k_confidence) {
            break;
        }
        const auto at = static_cast<double>(rank);
        log_probability += std::log(at) - std::log(n - at + 1.0) - odds;  // P(B = k - 1) from P(B = k)
        --rank;
    }
    return rank;
}

}  // namespace

PercentileBounds percentile_bounds(double q, std::size_t count) {
    PercentileBounds bounds;
    if (const std::size_t high = upper_rank(q, count); high < count) {
        bounds.high = high;
    }
    // The same seen from the other end: the value of rank r from below has rank count - 1 - r from above.
    if (const std::size_t low = upper_rank(1.0 - q, count); low < count) {
        bounds.low = count - 1 - low;
    }
    return bounds;
}

std::size_t enough_for(double q) noexcept {
    return static_cast<std::size_t>(std::ceil(std::log(1.0 - k_confidence) / std::log(q)));
}

}  // namespace aiperf::metric
