#pragma once

#include "aiperf/record/record.hpp"

#include <cstdint>

namespace aiperf::fuzz {

/// Makes a committed record one that every formula has something to say of: good answers, and each kind of error.
void answer(record::Record& record, std::uint64_t slot);

}  // namespace aiperf::fuzz
