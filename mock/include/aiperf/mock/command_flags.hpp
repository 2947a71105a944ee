#pragma once

#include "aiperf/mock/options.hpp"

#include <span>
#include <string>

namespace aiperf::mock {

/// What a command line of `aiperf-cpp mock` asks for.
struct CommandLine {
    Options options;
    std::string port_file;  ///< empty: none
    std::string help;       ///< not empty: only this is to be printed
};

/// Reads the flags and the script file they name. Throws base::ConfigError naming flag, value and what is allowed.
[[nodiscard]] CommandLine parse_command_line(std::span<const std::string> args);

}  // namespace aiperf::mock
