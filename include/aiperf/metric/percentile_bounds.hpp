#pragma once

#include <cstddef>
#include <optional>

namespace aiperf::metric {

/// Confidence of each bound of a percentile.
inline constexpr double k_confidence = 0.99;

/// Ranks (from 0) of the order statistics that bound a percentile from below and from above; absent: too few values.
struct PercentileBounds {
    std::optional<std::size_t> low;   ///< largest rank whose value is at most the percentile, with the confidence
    std::optional<std::size_t> high;  ///< smallest rank whose value is at least the percentile, with the confidence
};

/// Distribution-free bounds of the `q` quantile (0 < q < 1) of what `count` independent values were drawn from.
///
/// The number B of values at or below the quantile is binomial, B ~ Bin(count, q). The value of rank r is at least the
/// quantile where B <= r, and at most the quantile where B > r; so `high` is the smallest r with P(B <= r) >=
/// k_confidence and r < count, `low` the largest r with P(B > r) >= k_confidence (David and Nagaraja, Order
/// Statistics, 7.1).
[[nodiscard]] PercentileBounds percentile_bounds(double q, std::size_t count);

/// Fewest values that bound the `q` quantile from above: ceil(log(1 - k_confidence) / log(q)), as P(B < count) = 1 -
/// q^count. 44, 90, 459 and 4603 for 0.9, 0.95, 0.99 and 0.999.
[[nodiscard]] std::size_t enough_for(double q) noexcept;

}  // namespace aiperf::metric
