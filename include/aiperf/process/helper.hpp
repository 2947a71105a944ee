#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace aiperf::process {

/// The helper's name as a program.
inline constexpr const char* k_helper_name = "aiperf-helper";

/// The file this library's code was loaded from: a program, or a module of Python's. Empty where the system does not
/// say.
[[nodiscard]] std::filesystem::path own_file();

/// The program that children of a run are: `given` (AIPERF_HELPER), or what is found beside the file that holds this
/// library (a program, or the Python module), or in the bin, libexec/aiperf and lib/aiperf directories next to it, or
/// where the build put it. Throws base::ConfigError, naming what was tried, where there is none that can be executed.
[[nodiscard]] std::filesystem::path find_helper(const std::optional<std::string>& given);

}  // namespace aiperf::process
