#pragma once

#include "aiperf/config/run_config.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace aiperf::config {

/// A flag of the command line that is not an option of the run.
struct CommandFlag {
    /// What a flag of the program does that is no option of a run.
    enum class Meaning : std::uint8_t {
        help,           ///< show the help
        verbose,        ///< log level debug
        extra_verbose,  ///< log level trace
        already_so,     ///< switches off what is not there: accepted, nothing to do
        only_value,     ///< one value of many exists here, and it is the one that is always used
    };

    std::string_view flags;  ///< as Option::flags
    Meaning meaning;         ///< of the flag
    std::string_view value;  ///< only_value: the value
    std::string_view help;   ///< one sentence
};

/// All of them.
[[nodiscard]] std::span<const CommandFlag> command_flags() noexcept;

/// What `aiperf-cpp profile` was asked for.
struct CommandLine {
    RunConfig config;   ///< with cli_command filled in
    bool help = false;  ///< the rest of the line was not looked at
};

/// Reads the arguments behind "profile". Throws base::ConfigError for what is not allowed: values, flags given twice,
/// flags that AIPerf has and this program does not have yet, unknown flags (with the nearest), stray words. The rules
/// that join several flags are validate()'s.
[[nodiscard]] CommandLine parse_command_line(std::span<const std::string> arguments);

/// The help of `aiperf-cpp profile`, in lines of at most `width` characters.
[[nodiscard]] std::string profile_help(std::size_t width = 100);

}  // namespace aiperf::config
