#pragma once

#include <span>
#include <string>

namespace aiperf::programs {

/// The words behind the command's name.
using Arguments = std::span<const std::string>;

// Each command returns the exit code. base::ConfigError and base::RunError leave them; main() answers those.

int profile(Arguments arguments);
int calibrate(Arguments arguments);
int recover(Arguments arguments);
int wait(Arguments arguments);
int settings(Arguments arguments);
int mock(Arguments arguments);

}  // namespace aiperf::programs
