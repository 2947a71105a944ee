#include "aiperf/process/exit_status.hpp"

#include <cstring>

namespace aiperf::process {

std::string ExitStatus::words() const {
    switch (kind) {
        case Kind::exited: return "exited with code " + std::to_string(value);
        case Kind::signalled: {
            const char* name = ::sigabbrev_np(value);
            return "was killed by signal " + std::to_string(value) +
                   (name != nullptr ? " (SIG" + std::string{name} + ")" : "");
        }
        case Kind::unknown: break;
    }
    return "ended; its exit status is not known";
}

}  // namespace aiperf::process
