#include "signals.hpp"

#include "aiperf/base/error.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace aiperf::programs {

namespace {

bool is_ignored(int signal) {
    struct sigaction action {};

    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Waits for a signal, which ends the program, or for the end of the work.
void watch(SignalQueue& queue, int over) {
    std::array<pollfd, 2> watched{{{over, POLLIN, 0}, {queue.descriptor(), POLLIN, 0}}};
    while (true) {
        if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
            return;
        }
        if (watched[0].revents != 0) {
            return;
        }
        if (const auto signal = queue.next()) {
            std::_Exit(128 + *signal);
        }
    }
}

}  // namespace

SignalQueue::SignalQueue() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (!is_ignored(SIGHUP)) {
        sigaddset(&set, SIGHUP);
    }
    if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
        throw base::SystemError("cannot block signals", error);
    }
    descriptor_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (descriptor_ < 0) {
        throw base::SystemError("cannot watch for signals", errno);
    }
}

SignalQueue::~SignalQueue() {
    ::close(descriptor_);
}

std::optional<int> SignalQueue::next() noexcept {
    signalfd_siginfo info{};
    if (::read(descriptor_, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) {
        return std::nullopt;
    }
    return static_cast<int>(info.ssi_signo);
}

ExitOnSignal::ExitOnSignal(SignalQueue& queue)
    : over_(::eventfd(0, EFD_CLOEXEC)) {
    if (over_ < 0) {
        throw base::SystemError("cannot watch for signals", errno);
    }
    watcher_ = std::thread([&queue, over = over_] { watch(queue, over); });
}

ExitOnSignal::~ExitOnSignal() {
    const std::uint64_t one = 1;
    while (::write(over_, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    watcher_.join();
    ::close(over_);
}

}  // namespace aiperf::programs
