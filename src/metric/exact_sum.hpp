#pragma once

#include <cmath>

namespace aiperf::metric {

/// A sum with compensation (A. Neumaier, 1974): the order of the values does not show in the result.
class ExactSum {
public:
    void add(double value) noexcept {
        const double next = sum_ + value;
        lost_ += std::abs(sum_) >= std::abs(value) ? (sum_ - next) + value : (value - next) + sum_;
        sum_ = next;
    }

    [[nodiscard]] double value() const noexcept { return sum_ + lost_; }

private:
    double sum_ = 0.0;
    double lost_ = 0.0;
};

}  // namespace aiperf::metric
