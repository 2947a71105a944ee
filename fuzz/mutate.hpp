#pragma once

#include "aiperf/base/rng.hpp"

#include <string>
#include <vector>

namespace aiperf::fuzz {

/// One of `corpus` (not empty), changed at random in a few places: bytes and numbers overwritten, pieces removed, said
/// twice, or taken from another of the corpus.
[[nodiscard]] std::string mutated(base::Rng& rng, const std::vector<std::string>& corpus);

}  // namespace aiperf::fuzz
