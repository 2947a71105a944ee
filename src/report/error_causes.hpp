#pragma once

#include "aiperf/record/record_set.hpp"

#include <string>
#include <vector>

namespace aiperf::report {

/// What lies behind an error, in the names AIPerf's artifacts use.
struct ErrorCauses {
    std::string cause;               ///< the error behind it; empty: none
    std::vector<std::string> chain;  ///< names, the error's own first; empty: an answer of the server, no failure
};

[[nodiscard]] ErrorCauses causes_of(const record::ErrorDetails& details);

}  // namespace aiperf::report
