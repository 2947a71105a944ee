#pragma once

#include <optional>
#include <thread>

namespace aiperf::programs {

/// SIGINT, SIGTERM and SIGHUP as a queue, by signalfd. Make it before any thread starts: threads inherit that the
/// signals are blocked. A SIGHUP that was ignored when the program began (nohup) stays ignored.
///
/// *Thread safety*: none.
class SignalQueue {
public:
    /// Throws base::SystemError where the system refuses.
    SignalQueue();
    ~SignalQueue();
    SignalQueue(const SignalQueue&) = delete;
    SignalQueue& operator=(const SignalQueue&) = delete;

    /// The next signal that has come; absent = none. Does not wait.
    [[nodiscard]] std::optional<int> next() noexcept;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
    int descriptor_;
};

/// Ends the program with 128 + signal at the first signal for as long as it lives: for work that cannot be asked to
/// stop and has nothing to lose, such as reading a large vocabulary. Takes no signal that comes later.
class ExitOnSignal {
public:
    /// `queue` must outlive it. Throws base::SystemError where the system refuses.
    explicit ExitOnSignal(SignalQueue& queue);
    ~ExitOnSignal();
    ExitOnSignal(const ExitOnSignal&) = delete;
    ExitOnSignal& operator=(const ExitOnSignal&) = delete;

private:
    int over_;  // eventfd: written when the work is done
    std::thread watcher_;
};

}  // namespace aiperf::programs
