#pragma once

#include <optional>

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

private:
    int descriptor_;
};

}  // namespace aiperf::programs
