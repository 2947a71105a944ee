#pragma once

#include "aiperf/base/rng.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::test {

/// Positions at which an input is cut, rising.
using Cuts = std::vector<std::size_t>;

/// Hands `input` on in pieces, each in a buffer of its own that is exactly as long as the piece and `padding`, so that
/// an instrumented build sees every byte read beyond it. `take(data, size)`: false = enough.
template <class Take>
void in_pieces(std::string_view input, const Cuts& cuts, std::size_t padding, Take take) {
    std::size_t from = 0;
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
        const std::size_t to = i < cuts.size() ? cuts[i] : input.size();
        const auto buffer = std::make_unique<char[]>(to - from + padding);  // NOLINT: exactly so long
        std::copy_n(input.begin() + static_cast<std::ptrdiff_t>(from), to - from, buffer.get());
        std::memset(buffer.get() + (to - from), '}', padding);
        if (!take(buffer.get(), to - from)) {
            return;
        }
        from = to;
    }
}

/// The ways of cutting an input of `size` bytes that a parser must not notice: at every byte, at each one byte, and, up
/// to `pairs_below` bytes, at each two.
template <class Check>
void for_all_cuts(std::size_t size, std::size_t pairs_below, Check check) {
    Cuts every;
    for (std::size_t i = 1; i < size; ++i) {
        every.push_back(i);
        check(Cuts{i});
        for (std::size_t j = i + 1; size < pairs_below && j < size; ++j) {
            check(Cuts{i, j});
        }
    }
    check(every);
}

/// Up to `most` random positions in (0, size).
inline Cuts random_cuts(base::Rng& rng, std::size_t size, std::size_t most) {
    Cuts cuts;
    for (std::uint64_t left = size < 2 ? 0 : rng.below(most + 1); left > 0; --left) {
        cuts.push_back(1 + rng.below(size - 1));
    }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    return cuts;
}

}  // namespace aiperf::test
