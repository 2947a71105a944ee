#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/process/descriptor.hpp"
#include "aiperf/process/spawn.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <set>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace aiperf::process::test {

/// Far beyond what any step takes: reached only by a hang.
inline base::Instant hang_limit() {
    return base::now() + std::chrono::seconds(60);
}

inline SpawnOptions child_that(const std::string& behaviour) {
    SpawnOptions options;
    options.name = behaviour;
    options.executable = AIPERF_TEST_CHILD;
    options.arguments = {behaviour};
    return options;
}

inline bool wait_readable(int fd) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&one, 1, 60'000) == 1;
}

/// A pipe whose writing end goes down to children: they tell pids by it, and it ends when the last of them has.
class ReportPipe {
public:
    ReportPipe() {
        std::array<int, 2> ends{-1, -1};
        if (::pipe2(ends.data(), O_CLOEXEC) == 0) {
            reader_ = Descriptor{ends[0]};
            writer_ = Descriptor{ends[1]};
        }
    }

    [[nodiscard]] int writer() const { return writer_.get(); }

    void close_writer() { writer_.reset(); }

    /// The next line as a number; -1 at the end.
    [[nodiscard]] pid_t read_pid() {
        std::string text;
        char byte = 0;
        while (wait_readable(reader_.get()) && ::read(reader_.get(), &byte, 1) == 1 && byte != '\n') {
            text.push_back(byte);
        }
        return text.empty() ? -1 : static_cast<pid_t>(std::stol(text));
    }

    [[nodiscard]] bool at_end() {
        char byte = 0;
        return wait_readable(reader_.get()) && ::read(reader_.get(), &byte, 1) == 0;
    }

private:
    Descriptor reader_;
    Descriptor writer_;
};

inline std::set<std::string> open_descriptors() {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const auto target = std::filesystem::read_symlink(entry.path(), gone);
        found.insert(entry.path().filename().string() + " " + target.string());
    }
    return found;
}

/// True if this process has no children left, not even dead ones.
inline bool no_children_left() {
    return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
}

}  // namespace aiperf::process::test
