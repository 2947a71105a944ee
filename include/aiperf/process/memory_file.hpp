#pragma once

#include "aiperf/process/descriptor.hpp"

#include <string>
#include <string_view>

namespace aiperf::process {

/// An empty one, to grow. `name` is for people who look into /proc. Throws base::SystemError.
[[nodiscard]] Descriptor create_memory_file(const char* name);

/// True where a mapping of it stays whole, however long.
[[nodiscard]] bool cannot_shrink(const Descriptor& file) noexcept;

/// It cannot be cut any more, and where the kernel can (Linux 5.1) nobody writes to it but through mappings that are
/// there. It may grow. Throws base::SystemError.
void seal_growing(const Descriptor& memory_file);
/// After seal_growing(): it stays as long as it is. Throws base::SystemError.
void seal_grown(const Descriptor& memory_file);

/// `bytes` as a sealed file in memory, for a child to inherit. `name` is for people who look into /proc. Throws
/// base::SystemError.
[[nodiscard]] Descriptor make_memory_file(const char* name, std::string_view bytes);

/// All bytes of an inherited one. Throws base::SystemError.
[[nodiscard]] std::string read_memory_file(const Descriptor& file);

}  // namespace aiperf::process
