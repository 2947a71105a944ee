#pragma once

#include "aiperf/base/clock.hpp"

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace aiperf::programs {

class Terminal;

/// For a person: `headline`, what the run says of itself, and every thread of the processes. Lines without a newline at
/// the end.
[[nodiscard]] std::string whereabouts(const std::string& headline,
                                      const std::vector<std::string>& run_lines,
                                      const std::vector<pid_t>& processes);

/// Ends the program with exit code 1 because a step of the run hangs: `sentence` says which, `details` is asked for the
/// rest. Telling may hang as well (a pipe that nobody reads, a lock of the run), so it gets `patience` and no more.
[[noreturn]] void end_stuck(Terminal& terminal,
                            const std::string& sentence,
                            const std::function<std::string()>& details,
                            base::Nanoseconds patience = std::chrono::seconds(2));

}  // namespace aiperf::programs
