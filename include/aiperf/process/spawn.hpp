#pragma once

#include "aiperf/process/descriptor.hpp"
#include "aiperf/process/exit_status.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace aiperf::process {

/// Where a child finds its descriptors. 0 is /dev/null.
inline constexpr int k_channel_fd = 3;
inline constexpr int k_first_inherited_fd = 4;  ///< number of the first of SpawnOptions::inherited in the child

/// Variables a child is told by; added to SpawnOptions::environment.
inline constexpr const char* k_name_variable = "AIPERF_CHILD_NAME";
inline constexpr const char* k_parent_variable = "AIPERF_CHILD_PARENT_PID";  ///< its value: the starter's process id
inline constexpr const char* k_channel_variable =
    "AIPERF_CHILD_CHANNEL_FD";  ///< its value: the descriptor of the channel

/// What to start, and with what.
struct SpawnOptions {
    std::string name;                                ///< what reports call it: "worker_1"
    std::filesystem::path executable;                ///< a path; PATH is not searched
    std::vector<std::string> arguments;              ///< after argv[0], which is the executable
    std::map<std::string, std::string> environment;  ///< all of it: nothing comes from the caller's own
    std::filesystem::path working_directory;         ///< empty: the caller's

    /// Where stdout goes.
    enum class Output : std::uint8_t {
        with_errors,  ///< into the same pipe as stderr: a child never holds the caller's stdout open
        discard,      ///< /dev/null
        inherit,      ///< the caller's
    };
    Output output = Output::with_errors;  ///< where stdout goes

    /// Descriptors of the caller the child gets as 4, 5, … in this order; it is told nothing else about them.
    std::vector<int> inherited;
};

/// A started process: leader of a process group of its own, with its ends of the pipes.
struct SpawnedProcess {
    pid_t pid = -1;      ///< of the child
    Descriptor pidfd;    ///< readable once the process has ended
    Descriptor channel;  ///< our end of the control channel
    Descriptor errors;   ///< reading end of its stderr, non-blocking
};

/// Starts a process. Signal mask empty and handlers default in the child; all descriptors but those named above are
/// closed in it. Throws base::SystemError (no such file, no permission, no more processes); nothing is left then.
///
/// The death signal a child arms (ChildLink) fires when the *thread* that called spawn() ends: call it from one that
/// lives as long as the children should. Supervisor does. *Thread safety*: any thread.
[[nodiscard]] SpawnedProcess spawn(const SpawnOptions& options);

/// A handle of a process that has not been reaped yet; none (errno says why) where there is no such process.
[[nodiscard]] Descriptor open_pidfd(pid_t pid) noexcept;

/// True once the process has ended, reaped or not.
[[nodiscard]] bool has_ended(const Descriptor& pidfd) noexcept;

/// True until the process was reaped, by us or by somebody else: so long its pid and its group's number are its own.
[[nodiscard]] bool is_ours(const Descriptor& pidfd) noexcept;

/// Takes the status of a child that has ended, so that no zombie stays; absent while it is running.
[[nodiscard]] std::optional<ExitStatus> reap(const Descriptor& pidfd) noexcept;

}  // namespace aiperf::process
