#include "aiperf/process/spawn.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/process/channel.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace aiperf::process {
namespace {

constexpr const char* k_null_device = "/dev/null";

void check(int error_number, const std::string& what) {
    if (error_number != 0) {
        throw base::SystemError(what, error_number);
    }
}

/// posix_spawn's two objects, set up and destroyed.
class Attributes {
public:
    Attributes() {
        check(::posix_spawnattr_init(&attributes_), "cannot prepare a process");
        sigset_t none;
        sigset_t all;
        ::sigemptyset(&none);
        ::sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setpgroup(&attributes_, 0);
        ::posix_spawnattr_setflags(&attributes_,
                                   POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }

    ~Attributes() { ::posix_spawnattr_destroy(&attributes_); }

    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;

    [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

private:
    posix_spawnattr_t attributes_{};
};

class FileActions {
public:
    FileActions() { check(::posix_spawn_file_actions_init(&actions_), "cannot prepare a process"); }

    ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }

    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    void open(int target, const char* path, int flags) {
        check(::posix_spawn_file_actions_addopen(&actions_, target, path, flags, 0), "cannot prepare a process");
    }

    void give(int source, int target) {
        check(::posix_spawn_file_actions_adddup2(&actions_, source, target), "cannot prepare a process");
    }

    void enter(const std::filesystem::path& directory) {
        check(::posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str()), "cannot prepare a process");
    }

    void close_from(int first) {
        check(::posix_spawn_file_actions_addclosefrom_np(&actions_, first), "cannot prepare a process");
    }

    [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

/// The child's ends, as copies above all numbers it will have them at: no dup2 overwrites another one's source.
class ChildEnds {
public:
    explicit ChildEnds(std::size_t inherited)
        : lowest_(k_first_inherited_fd + static_cast<int>(inherited)) {}

    int add(int fd) {
        const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, lowest_);
        if (copy < 0) {
            throw base::SystemError("cannot hand a descriptor to a process", errno);
        }
        copies_.emplace_back(copy);
        return copy;
    }

    [[nodiscard]] int first_closed() const { return lowest_; }

private:
    int lowest_;
    std::vector<Descriptor> copies_;
};

void arrange_output(FileActions& actions, SpawnOptions::Output output) {
    using Output = SpawnOptions::Output;
    switch (output) {
        case Output::with_errors: actions.give(STDERR_FILENO, STDOUT_FILENO); break;
        case Output::discard: actions.open(STDOUT_FILENO, k_null_device, O_WRONLY); break;
        case Output::inherit: break;
    }
}

std::vector<std::string> environment_of(const SpawnOptions& options) {
    auto variables = options.environment;
    variables[k_name_variable] = options.name;
    variables[k_parent_variable] = std::to_string(::getpid());
    variables[k_channel_variable] = std::to_string(k_channel_fd);
    std::vector<std::string> entries;
    entries.reserve(variables.size());
    for (const auto& [name, value] : variables) {
        entries.emplace_back(name).append("=").append(value);
    }
    return entries;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

std::pair<Descriptor, Descriptor> make_error_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw base::SystemError("cannot make a pipe", errno);
    }
    std::pair<Descriptor, Descriptor> pipe{Descriptor{ends[0]}, Descriptor{ends[1]}};
    // Only our end: the child's must not fail with EAGAIN where a program does not expect it.
    if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        throw base::SystemError("cannot make a pipe", errno);
    }
    return pipe;
}

/// A process without a handle cannot be supervised: it is ended again.
Descriptor handle_of(pid_t pid, const std::string& what) {
    Descriptor pidfd = open_pidfd(pid);
    if (!pidfd) {
        const int error_number = errno;
        ::kill(-pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        throw base::SystemError(what, error_number);
    }
    return pidfd;
}

/// 0 is the null device, 1 and 2 what `output` says, 3 the channel, then what is passed on; all else is closed.
void arrange_descriptors(FileActions& actions, ChildEnds& ends, const SpawnOptions& options, int errors, int channel) {
    actions.open(STDIN_FILENO, k_null_device, O_RDONLY);
    actions.give(ends.add(errors), STDERR_FILENO);
    arrange_output(actions, options.output);
    actions.give(ends.add(channel), k_channel_fd);
    int target = k_first_inherited_fd;
    for (const int fd : options.inherited) {
        actions.give(ends.add(fd), target++);
    }
    actions.close_from(ends.first_closed());
}

/// The start itself: its pid.
pid_t start(const SpawnOptions& options, const FileActions& actions, const std::string& what) {
    std::vector<std::string> arguments{options.executable.string()};
    arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
    std::vector<std::string> environment = environment_of(options);
    const Attributes attributes;
    pid_t pid = -1;
    check(::posix_spawn(&pid,
                        options.executable.c_str(),
                        actions.get(),
                        attributes.get(),
                        pointers_to(arguments).data(),
                        pointers_to(environment).data()),
          what);
    return pid;
}

}  // namespace

// By its number: glibc's declaration lacks C linkage before 2.37.
Descriptor open_pidfd(pid_t pid) noexcept {
    return Descriptor{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

SpawnedProcess spawn(const SpawnOptions& options) {
    auto [our_channel, child_channel] = Channel::make_pair();
    auto [errors_out, errors_in] = make_error_pipe();
    ChildEnds ends(options.inherited.size());
    FileActions actions;
    arrange_descriptors(actions, ends, options, errors_in.get(), child_channel.get());
    if (!options.working_directory.empty()) {
        actions.enter(options.working_directory);
    }
    const std::string what = "cannot start " + options.name + " (" + options.executable.string() + ")";
    const pid_t pid = start(options, actions, what);
    return {
        .pid = pid, .pidfd = handle_of(pid, what), .channel = std::move(our_channel), .errors = std::move(errors_out)};
}

bool has_ended(const Descriptor& pidfd) noexcept {
    pollfd one{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
    return ::poll(&one, 1, 0) == 1;
}

bool is_ours(const Descriptor& pidfd) noexcept {
    siginfo_t info{};
    return ::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

std::optional<ExitStatus> reap(const Descriptor& pidfd) noexcept {
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd.get()), &info, WEXITED | WNOHANG) != 0) {
        return errno == ECHILD ? std::optional{ExitStatus{}} : std::nullopt;
    }
    if (info.si_pid == 0) {
        return std::nullopt;
    }
    if (info.si_code == CLD_EXITED) {
        return ExitStatus{.kind = ExitStatus::Kind::exited, .value = info.si_status};
    }
    return ExitStatus{.kind = ExitStatus::Kind::signalled, .value = info.si_status};
}

}  // namespace aiperf::process
