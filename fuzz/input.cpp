#include "input.hpp"

#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace aiperf::fuzz {

test::Cuts take_cuts(Input& input) {
    test::Cuts cuts;
    std::size_t at = 0;
    for (unsigned left = input.byte() & 7U; left > 0; --left) {
        at += input.byte();
        cuts.push_back(at);
    }
    while (!cuts.empty() && cuts.back() > input.rest().size()) {
        cuts.pop_back();
    }
    return cuts;
}

test::Cuts every_cut(std::size_t size) {
    constexpr std::size_t k_few_kilobytes = 4096;
    test::Cuts cuts(size < 2 || size > k_few_kilobytes ? 0 : size - 1);
    std::iota(cuts.begin(), cuts.end(), std::size_t{1});
    return cuts;
}

void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "fault: not true that %s\n", what);
        std::abort();
    }
}

}  // namespace aiperf::fuzz
