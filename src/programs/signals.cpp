#include "signals.hpp"

#include "aiperf/base/error.hpp"

#include <cerrno>
#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

namespace aiperf::programs {

namespace {

bool is_ignored(int signal) {
    struct sigaction action {};

    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
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

}  // namespace aiperf::programs
