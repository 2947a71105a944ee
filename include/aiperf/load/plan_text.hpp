#pragma once

#include "aiperf/load/plan.hpp"

#include <string>
#include <string_view>

namespace aiperf::load {

/// A plan as bytes for another process of the same build; the data set goes its own way (Dataset::descriptor()).
/// Carries what is sent, keys and tokens too: for memory only, never for a file.
[[nodiscard]] std::string encode_plan(const LoadPlan& plan);

/// The plan again, without a data set. Throws base::RunError for anything else.
[[nodiscard]] LoadPlan decode_plan(std::string_view bytes);

}  // namespace aiperf::load
