#include "aiperf/process/thread_report.hpp"

#include "aiperf/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <sys/syscall.h>
#include <unistd.h>

namespace aiperf::process {
namespace {

struct SystemCall {
    long number;
    const char* name;
};

// What threads of a run are seen waiting in. The older calls are there on x86-64 only.
constexpr SystemCall k_system_calls[] = {
#ifdef SYS_epoll_wait
    {SYS_epoll_wait, "epoll_wait"},
#endif
#ifdef SYS_poll
    {SYS_poll, "poll"},
#endif
#ifdef SYS_select
    {SYS_select, "select"},
#endif
#ifdef SYS_pause
    {SYS_pause, "pause"},
#endif
#ifdef SYS_open
    {SYS_open, "open"},
#endif
    {SYS_epoll_pwait, "epoll_pwait"},
    {SYS_ppoll, "ppoll"},
    {SYS_pselect6, "pselect"},
    {SYS_futex, "futex"},
    {SYS_nanosleep, "nanosleep"},
    {SYS_clock_nanosleep, "clock_nanosleep"},
    {SYS_restart_syscall, "a system call that goes on after a stop"},
    {SYS_read, "read"},
    {SYS_readv, "readv"},
    {SYS_pread64, "pread"},
    {SYS_write, "write"},
    {SYS_writev, "writev"},
    {SYS_pwrite64, "pwrite"},
    {SYS_recvfrom, "recvfrom"},
    {SYS_recvmsg, "recvmsg"},
    {SYS_sendto, "sendto"},
    {SYS_sendmsg, "sendmsg"},
    {SYS_accept, "accept"},
    {SYS_accept4, "accept4"},
    {SYS_connect, "connect"},
    {SYS_wait4, "wait4"},
    {SYS_waitid, "waitid"},
    {SYS_rt_sigtimedwait, "sigtimedwait"},
    {SYS_rt_sigsuspend, "sigsuspend"},
    {SYS_openat, "openat"},
    {SYS_fsync, "fsync"},
    {SYS_fdatasync, "fdatasync"},
    {SYS_msync, "msync"},
    {SYS_fallocate, "fallocate"},
    {SYS_ftruncate, "ftruncate"},
    {SYS_renameat2, "renameat2"},
    {SYS_flock, "flock"},
    {SYS_fcntl, "fcntl"},
    {SYS_mmap, "mmap"},
    {SYS_munmap, "munmap"},
    {SYS_madvise, "madvise"},
    {SYS_sched_yield, "sched_yield"},
    {SYS_exit, "exit"},
    {SYS_exit_group, "exit_group"},
};

std::string words_of(char state) {
    switch (state) {
        case 'R': return "running";
        case 'S': return "sleeping";
        case 'D': return "waiting for a device";
        case 'T': return "stopped";
        case 't': return "stopped by a debugger";
        case 'I': return "idle";
        case 'Z':
        case 'X': return "ended";
        default: return std::string("in state ") + state;
    }
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

/// "epoll_wait", "system call 451"; absent where the thread is in none, or nobody may know.
std::optional<std::string> system_call_of(const std::string& text) {
    const auto number = base::parse_integer(first_line(text).substr(0, text.find(' ')));
    if (!number || *number < 0) {
        return std::nullopt;
    }
    const auto* const known = std::find_if(std::begin(k_system_calls),
                                           std::end(k_system_calls),
                                           [&](const SystemCall& call) { return call.number == *number; });
    return known == std::end(k_system_calls) ? fmt::format("system call {}", *number) : std::string(known->name);
}

/// Where a thread waits: behind "sleeping" and its like.
std::string place_of(const ThreadFiles& files) {
    if (const auto call = system_call_of(files.syscall)) {
        return " in " + *call;
    }
    const std::string function = first_line(files.wchan);
    return function.empty() || function == "0" ? std::string{} : " in the kernel's " + function;
}

/// The state's letter and the ticks of CPU time.
struct Stat {
    char state = '?';
    long long ticks = 0;
};

/// The name in brackets may hold anything, brackets and spaces too: what counts begins behind the last one.
std::optional<Stat> parse_stat(const std::string& text) {
    const auto bracket = text.rfind(')');
    if (bracket == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream rest(text.substr(bracket + 1));
    Stat stat;
    std::string skipped;
    long long user = 0;
    long long system = 0;
    rest >> stat.state;
    for (int field = 4; field < 14; ++field) {
        rest >> skipped;
    }
    if (!(rest >> user >> system)) {
        return std::nullopt;
    }
    stat.ticks = user + system;
    return stat;
}

std::string read_text(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<pid_t> threads_of(pid_t pid) {
    std::vector<pid_t> found;
    std::error_code gone;
    std::filesystem::directory_iterator entry("/proc/" + std::to_string(pid) + "/task", gone);
    for (; !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
        if (const auto tid = base::parse_integer(entry->path().filename().string())) {
            found.push_back(static_cast<pid_t>(*tid));
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

std::string thread_line(pid_t tid, const ThreadFiles& files) {
    const auto stat = parse_stat(files.stat);
    if (!stat) {
        return {};
    }
    const bool waits = stat->state == 'S' || stat->state == 'D';
    return fmt::format("{} (tid {}): {}{}, {:.2f} s of CPU",
                       first_line(files.comm),
                       tid,
                       words_of(stat->state),
                       waits ? place_of(files) : std::string{},
                       static_cast<double>(stat->ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

std::vector<std::string> thread_report(pid_t pid) {
    std::vector<std::string> lines;
    for (const pid_t tid : threads_of(pid)) {
        const std::filesystem::path folder = fmt::format("/proc/{}/task/{}", pid, tid);
        // A thread that ends meanwhile leaves empty texts, and so no line.
        const ThreadFiles files{read_text(folder / "comm"),
                                read_text(folder / "stat"),
                                read_text(folder / "wchan"),
                                read_text(folder / "syscall")};
        if (std::string line = thread_line(tid, files); !line.empty()) {
            lines.push_back(std::move(line));
        }
    }
    return lines;
}

bool is_stopped(pid_t pid) {
    const auto stat = parse_stat(read_text(fmt::format("/proc/{}/stat", pid)));
    return !stat || std::string_view("TtZX").find(stat->state) != std::string_view::npos;
}

}  // namespace aiperf::process
