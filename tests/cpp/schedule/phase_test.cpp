#include "aiperf/schedule/phase.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <vector>

using aiperf::schedule::sequential_entry;
using aiperf::schedule::share_of;

TEST_CASE("The shares of all workers add up to the whole and differ by one at most") {
    for (const std::uint32_t total : {0U, 1U, 2U, 3U, 7U, 64U, 1000U, 4'294'967'295U}) {
        for (const std::uint32_t workers : {1U, 2U, 3U, 16U, 100U}) {
            std::uint64_t sum = 0;
            std::vector<std::uint32_t> shares;
            for (std::uint32_t worker = 0; worker < workers; ++worker) {
                shares.push_back(share_of(total, worker, workers));
                sum += shares.back();
            }
            CAPTURE(total, workers);
            CHECK(sum == total);
            CHECK(shares.front() - shares.back() <= 1);
            CHECK(std::is_sorted(shares.rbegin(), shares.rend()));
        }
    }
}

TEST_CASE("Sessions take the entries of the data set in its order, round and round") {
    std::vector<std::uint64_t> entries;
    for (std::uint64_t session = 0; session < 7; ++session) {
        entries.push_back(sequential_entry(session, 3));
    }
    CHECK(entries == std::vector<std::uint64_t>{0, 1, 2, 0, 1, 2, 0});
}
