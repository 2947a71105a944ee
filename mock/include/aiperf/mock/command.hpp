#pragma once

#include <iosfwd>
#include <span>
#include <string>

namespace aiperf::mock {

/// `aiperf-cpp mock`: reads the flags, starts a server, prints "listening on http://HOST:PORT", serves until SIGINT
/// or SIGTERM. Returns the exit code: 0, 1 (could not start or write), 2 (bad flags, one line on `err`).
/// Blocks both signals in the calling thread while it runs; other threads of the program must have them blocked.
int run_command(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace aiperf::mock
