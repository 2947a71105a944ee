#pragma once

#include <filesystem>
#include <string>

namespace aiperf::control {

/// The linker's id of a program or library (64 bits), in hexadecimal; empty where it has none, or cannot be read.
[[nodiscard]] std::string build_id_of(const std::filesystem::path& file);

}  // namespace aiperf::control
