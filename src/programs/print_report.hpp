#pragma once

#include "aiperf/control/run.hpp"

#include <cstddef>
#include <iosfwd>

namespace aiperf::programs {

/// What a person reads at the end: how the run ended, and where its files are.
void print_report(const control::Result& result, std::size_t width, std::ostream& out);

}  // namespace aiperf::programs
