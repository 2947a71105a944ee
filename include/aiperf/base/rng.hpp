#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace aiperf::base {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that mixes 64 bits well.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t z) noexcept {
    z += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
}

/// The seed of a named stream under a root seed: equal inputs, equal seed; different names, unrelated streams.
[[nodiscard]] constexpr std::uint64_t derive_seed(std::uint64_t root, std::string_view name) noexcept {
    std::uint64_t h = mix64(root);
    for (const char c : name) {
        h = mix64(h ^ static_cast<unsigned char>(c));
    }
    return h;
}

/// A small counter-based generator: the k-th draw is a pure function of (seed, k), so it can be entered anywhere.
/// Satisfies UniformRandomBitGenerator. Not for cryptography. *Thread safety*: none; copy it.
class Rng {
public:
    using result_type = std::uint64_t;  ///< what a draw gives

    /// Equal seeds give equal draws, on every machine.
    explicit constexpr Rng(std::uint64_t seed) noexcept
        : key_(mix64(seed)) {}

    /// Smallest draw.
    static constexpr result_type min() noexcept { return 0; }

    /// Largest draw.
    static constexpr result_type max() noexcept { return ~result_type{0}; }

    /// The next 64 random bits.
    constexpr result_type operator()() noexcept { return mix64(key_ + 0x9e3779b97f4a7c15ULL * ++counter_); }

    /// Uniform in (0, 1], 53 bits: safe under a logarithm.
    double uniform() noexcept { return static_cast<double>(((*this)() >> 11U) + 1) * 0x1.0p-53; }

    /// Uniform integer in [0, n), n > 0. Bias below 2^-32 for n below 2^32.
    std::uint64_t below(std::uint64_t n) noexcept {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::uint64_t>((static_cast<Wide>((*this)()) * n) >> 64U);
    }

    /// Standard normal, by Box and Muller (one of the pair; the other is dropped, so a draw uses two counters).
    double normal() noexcept {
        const double u = uniform();
        const double v = uniform();
        return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * 3.141592653589793238 * v);
    }

private:
    std::uint64_t key_;
    std::uint64_t counter_ = 0;
};

}  // namespace aiperf::base
