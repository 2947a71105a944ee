#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace aiperf::process {

/// One line per thread of a process, by thread id: its name, what it does, the CPU time it has had.
///
///     worker 0 (tid 4711): sleeping in epoll_wait, 1.20 s of CPU
///     journal (tid 4712): running, 0.01 s of CPU
///
/// Where the system does not tell the system call (another user's process), the kernel function it waits in is named,
/// or nothing. Empty: no such process. Reads /proc only; the process is not disturbed.
[[nodiscard]] std::vector<std::string> thread_report(pid_t pid);

/// True where a process is stopped (SIGSTOP, Ctrl-Z), or has ended.
[[nodiscard]] bool is_stopped(pid_t pid);

/// What `thread_report` reads of one thread: the files of its directory below /proc.
struct ThreadFiles {
    std::string comm;     ///< name of the thread
    std::string stat;     ///< state and times
    std::string wchan;    ///< what it waits for in the kernel
    std::string syscall;  ///< the call it is in
};

/// The line of one thread. Empty where `stat` is not as the kernel writes it.
[[nodiscard]] std::string thread_line(pid_t tid, const ThreadFiles& files);

}  // namespace aiperf::process
