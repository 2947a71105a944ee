#include "signals.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/thread_name.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

namespace aiperf::programs {

namespace {

bool is_ignored(int signal) {
    struct sigaction action {};

    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

bool is_pending(int signal) {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, signal) == 1;
}

/// Waits for signals, until one ends the program, or the work is over.
void watch(SignalQueue& queue, int over, const std::function<void(int)>& on_other) {
    base::name_this_thread("signals");
    std::array<pollfd, 2> watched{{{over, POLLIN, 0}, {queue.descriptor(), POLLIN, 0}}};
    while (true) {
        if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
            return;
        }
        if (watched[0].revents != 0) {
            return;
        }
        if (const auto signal = queue.next()) {
            if (asks_for_end(*signal)) {
                std::_Exit(128 + *signal);
            }
            on_other(*signal);
        }
    }
}

}  // namespace

SignalQueue::SignalQueue() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCONT}) {
        sigaddset(&set, signal);
    }
    for (const int signal : {SIGHUP, SIGTSTP}) {
        if (!is_ignored(signal)) {
            sigaddset(&set, signal);
        }
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

bool asks_for_end(int signal) noexcept {
    return signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
}

void stop_program() noexcept {
    // Either of SIGTSTP and SIGCONT takes the other out of the queue: a SIGCONT that waits is the newer one.
    if (is_pending(SIGCONT)) {
        return;
    }
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    // Raised while it is blocked, and so delivered by the next call: a second Ctrl-Z that waits too stops nothing anew,
    // as the SIGCONT that ends the stop takes away both.
    std::raise(SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);
    pthread_sigmask(SIG_BLOCK, &stop, nullptr);
}

ExitOnSignal::ExitOnSignal(SignalQueue& queue, std::function<void(int)> on_other)
    : over_(::eventfd(0, EFD_CLOEXEC)) {
    if (over_ < 0) {
        throw base::SystemError("cannot watch for signals", errno);
    }
    watcher_ = std::thread([&queue, over = over_, on_other = std::move(on_other)] { watch(queue, over, on_other); });
}

ExitOnSignal::~ExitOnSignal() {
    const std::uint64_t one = 1;
    while (::write(over_, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    watcher_.join();
    ::close(over_);
}

}  // namespace aiperf::programs
