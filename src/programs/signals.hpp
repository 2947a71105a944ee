#pragma once

#include <functional>
#include <optional>
#include <thread>

namespace aiperf::programs {

/// Signals as a queue, by signalfd: those that end a run (SIGINT, SIGTERM, SIGHUP), and SIGUSR1, SIGTSTP (Ctrl-Z)
/// and SIGCONT. Make it before any thread starts: threads inherit that the signals are blocked. A SIGHUP or SIGTSTP
/// that was ignored when the program began (nohup) stays ignored.
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

/// True for the signals that ask the program to end.
[[nodiscard]] bool asks_for_end(int signal) noexcept;

/// What SIGTSTP does to a program that does not watch for it: all of its threads stop. Returns once it goes on, which
/// is at once where nobody is there to continue it (its process group is orphaned), or where the order to continue has
/// come already.
void stop_program() noexcept;

/// Ends the program with 128 + signal at the first signal that asks for it, for as long as it lives: for work that
/// cannot be asked to stop and has nothing to lose, such as reading a large vocabulary. Takes no signal that comes
/// later.
class ExitOnSignal {
public:
    /// `on_other` is called with every other signal, on a thread of its own. `queue` must outlive this. Throws
    /// base::SystemError where the system refuses.
    ExitOnSignal(SignalQueue& queue, std::function<void(int signal)> on_other);
    ~ExitOnSignal();
    ExitOnSignal(const ExitOnSignal&) = delete;
    ExitOnSignal& operator=(const ExitOnSignal&) = delete;

private:
    int over_;  // eventfd: written when the work is done
    std::thread watcher_;
};

}  // namespace aiperf::programs
