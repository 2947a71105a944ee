#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace aiperf::base {

/// A histogram of durations for live views: buckets a 32nd of an octave wide, so a quantile is within 1.6 % of a true
/// value. Fixed size, no allocation, fit for shared memory.
///
/// *Thread safety*: one thread adds (or merges); any other may read at the same time and sees some recent state.
class Sketch {
public:
    static constexpr unsigned k_sub_bits = 5;     ///< 32 buckets per octave; values below 32 ns are exact
    static constexpr unsigned k_value_bits = 48;  ///< larger durations (over 78 hours) count as the largest
    static constexpr std::size_t k_buckets = std::size_t{k_value_bits - k_sub_bits + 1}
                                             << k_sub_bits;  ///< places values are counted in

    /// Counts one duration. Nanoseconds; negative ones count as 0.
    void add(std::int64_t ns) noexcept { bump(buckets_[bucket_of(ns)], 1); }

    /// Adds everything `other` holds.
    void merge(const Sketch& other) noexcept {
        for (std::size_t i = 0; i < k_buckets; ++i) {
            bump(buckets_[i], other.buckets_[i].load(std::memory_order_relaxed));
        }
    }

    /// Forgets everything. For the adding thread.
    void reset() noexcept {
        for (Counter& bucket : buckets_) {
            bucket.store(0, std::memory_order_relaxed);
        }
    }

    /// How many values were added.
    [[nodiscard]] std::uint64_t count() const noexcept {
        std::uint64_t total = 0;
        for (const auto& bucket : buckets_) {
            total += bucket.load(std::memory_order_relaxed);
        }
        return total;
    }

    /// The value at quantile q (0 to 1), nanoseconds; absent without samples.
    [[nodiscard]] std::optional<double> quantile(double q) const noexcept {
        const std::uint64_t total = count();
        if (total == 0) {
            return std::nullopt;
        }
        const auto rank = static_cast<std::uint64_t>(std::llround(q * static_cast<double>(total - 1)));
        std::uint64_t seen = 0;
        std::size_t last = 0;
        for (std::size_t i = 0; i < k_buckets; ++i) {
            const std::uint32_t here = buckets_[i].load(std::memory_order_relaxed);
            last = here != 0 ? i : last;
            seen += here;
            if (seen > rank) {
                break;
            }
        }
        return middle_of(last);
    }

private:
    using Counter = std::atomic<std::uint32_t>;
    static_assert(Counter::is_always_lock_free);

    // One writer: a plain load and store is enough, and cheaper than a locked add.
    static void bump(Counter& counter, std::uint32_t by) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }

    static constexpr std::size_t bucket_of(std::int64_t ns) noexcept {
        constexpr std::uint64_t k_largest = (std::uint64_t{1} << k_value_bits) - 1;
        std::uint64_t value = ns < 0 ? 0 : static_cast<std::uint64_t>(ns);
        value = value > k_largest ? k_largest : value;
        const auto width = static_cast<unsigned>(std::bit_width(value));
        if (width <= k_sub_bits) {
            return value;
        }
        const unsigned shift = width - k_sub_bits - 1;
        return (std::size_t{shift} << k_sub_bits) + (value >> shift);
    }

    static double middle_of(std::size_t bucket) noexcept {
        if (bucket < (std::size_t{2} << k_sub_bits)) {
            return static_cast<double>(bucket);
        }
        const auto shift = static_cast<unsigned>(bucket >> k_sub_bits) - 1;
        const std::uint64_t low = (bucket - (std::size_t{shift} << k_sub_bits)) << shift;
        return static_cast<double>(low) + (static_cast<double>(std::uint64_t{1} << shift) - 1.0) / 2.0;
    }

    std::array<Counter, k_buckets> buckets_{};
};

static_assert(sizeof(Sketch) <= 8192);

}  // namespace aiperf::base
