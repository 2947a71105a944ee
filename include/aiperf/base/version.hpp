#pragma once

namespace aiperf::base {

/// The version of this library and of everything shipped with it: "0.1.0".
[[nodiscard]] const char* version() noexcept;

}  // namespace aiperf::base
