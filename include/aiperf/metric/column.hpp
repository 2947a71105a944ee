#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace aiperf::metric {

/// The values of one metric, in no order. Zeros, and values like the first that is none, are counted and not stored:
/// the gaps within one read of a stream, token counts of a fixed length. *Thread safety*: none.
class Column {
public:
    /// A value that came `times` times.
    struct Frequent {
        double value = 0.0;
        std::size_t times = 0;
    };

    /// Room for so many values; what is not used is never touched.
    void reserve(std::size_t most) { others_.reserve(most); }

    /// One more value. Precondition: not NaN.
    void add(double value) {
        if (value == 0.0) {
            ++zeros_;
        } else if (value == first_) {
            ++firsts_;
        } else if (firsts_ == 0) {
            first_ = value;
            firsts_ = 1;
        } else {
            others_.push_back(value);
        }
    }

    /// Without values, and keeps its room.
    void clear() noexcept {
        zeros_ = 0;
        first_ = 0.0;
        firsts_ = 0;
        others_.clear();
    }

    /// Number of values.
    [[nodiscard]] std::size_t size() const noexcept { return zeros_ + firsts_ + others_.size(); }

    /// True without values.
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    /// The values that are counted; times may be 0.
    [[nodiscard]] std::array<Frequent, 2> frequent() const noexcept { return {{{0.0, zeros_}, {first_, firsts_}}}; }

    /// The values that are stored: all others.
    [[nodiscard]] std::span<const double> others() const noexcept { return others_; }

    /// Sum with compensation (Neumaier): the order of the values does not show in the result.
    [[nodiscard]] double sum() const noexcept;

    /// The values that would stand at `ranks` (ascending, each below size()) if all were sorted. Reorders what is
    /// stored.
    [[nodiscard]] std::vector<double> at_ranks(std::span<const std::size_t> ranks);

private:
    std::size_t zeros_ = 0;
    double first_ = 0.0;  // other than zero; where firsts_ is 0 there is none
    std::size_t firsts_ = 0;
    std::vector<double> others_;
};

}  // namespace aiperf::metric
