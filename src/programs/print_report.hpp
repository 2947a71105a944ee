#pragma once

#include "aiperf/control/run.hpp"

#include <cstddef>
#include <iosfwd>

namespace aiperf::programs {

/// What a person reads at the end: the tables, how the run ended where it did not end well, and where the files are.
void print_report(const control::Result& result, std::size_t width, bool ansi, std::ostream& out);

}  // namespace aiperf::programs
