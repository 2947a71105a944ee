#pragma once

#include "aiperf/process/descriptor.hpp"

#include <string>
#include <string_view>

namespace aiperf::process {

/// `bytes` as a sealed file in memory, for a child to inherit. `name` is for people who look into /proc. Throws
/// base::SystemError.
[[nodiscard]] Descriptor make_memory_file(const char* name, std::string_view bytes);

/// All bytes of an inherited one. Throws base::SystemError.
[[nodiscard]] std::string read_memory_file(const Descriptor& file);

}  // namespace aiperf::process
