#pragma once

#include "aiperf/process/descriptor.hpp"

#include <string>
#include <string_view>

namespace aiperf::process {

/// Everything sealed: nobody can change it any more, the maker neither. What make_memory_file() sets.
[[nodiscard]] bool is_sealed(const Descriptor& file) noexcept;

/// The steps of make_memory_file(), for contents that come in pieces. They throw base::SystemError.
[[nodiscard]] Descriptor create_memory_file(const char* name);
/// Adds bytes at the end. Throws base::SystemError.
void append(const Descriptor& memory_file, std::string_view bytes);
/// Nobody can change it after this. Throws base::SystemError.
void seal(const Descriptor& memory_file);

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
