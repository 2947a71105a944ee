#pragma once

#include <string>

namespace aiperf::process {

/// How a process ended.
struct ExitStatus {
    /// How a process ended.
    enum class Kind : unsigned char {
        exited,     ///< `value` is its exit code
        signalled,  ///< `value` is the signal
        unknown,    ///< gone, but somebody else (or SIGCHLD ignored) took its status
    };

    Kind kind = Kind::unknown;  ///< how it ended
    int value = 0;              ///< exit code, or number of the signal

    /// True for exit code 0.
    [[nodiscard]] bool success() const noexcept { return kind == Kind::exited && value == 0; }

    /// "exited with code 3", "was killed by signal 9 (SIGKILL)", "ended; its exit status is not known".
    [[nodiscard]] std::string words() const;

    /// Same kind and value.
    bool operator==(const ExitStatus&) const = default;
};

}  // namespace aiperf::process
