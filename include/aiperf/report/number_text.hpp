#pragma once

#include <string>

namespace aiperf::report {

/// A finite number as Python writes it: the shortest text that reads back as the same double, always with a point or
/// an exponent ("9.0", "1e-05", "1e+16").
[[nodiscard]] std::string float_repr(double value);

/// Two decimals, rounded half to even on the exact binary value, as Python's ".2f".
[[nodiscard]] std::string fixed2(double value);

/// The same with commas between thousands.
[[nodiscard]] std::string grouped2(double value);

}  // namespace aiperf::report
