#pragma once

#include <map>
#include <string>
#include <vector>

namespace aiperf::control {

/// What the program aiperf-helper does: a worker or the results server of a run, as its starter told it in `arguments`
/// (without the program's name) and `variables` (its environment). Returns the exit code; the process is then ended
/// without further ado. Throws base::Error where it was not started by a run. A helper whose run is gone ends at once,
/// with process::k_orphan_exit_code.
[[nodiscard]] int run_helper(const std::vector<std::string>& arguments,
                             const std::map<std::string, std::string>& variables);

}  // namespace aiperf::control
