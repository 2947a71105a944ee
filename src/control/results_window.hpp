#pragma once

#include "aiperf/api/run_state.hpp"
#include "aiperf/base/clock.hpp"
#include "aiperf/control/run.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace aiperf::api {
class Server;
}

namespace aiperf::control {

struct Preparation;

/// What others can see of a run: status.json in its artifact directory, and the results server where a port was asked
/// for. The status turns once, when the artifacts are there; the server stays for the grace after it.
///
/// *Thread safety*: end_hold() and url() from any thread; the rest from one.
class ResultsWindow {
public:
    using Look = std::function<api::Progress()>;
    using Warn = std::function<void(const std::string&)>;

    /// Writes the first status.json and starts the server, if any. `look` is called often, from a thread of the window.
    /// A port given by flag that cannot be bound throws base::RunError; one from the environment is a warning.
    ResultsWindow(const Preparation& preparation, Look look, const Warn& warn);
    ~ResultsWindow();
    ResultsWindow(const ResultsWindow&) = delete;
    ResultsWindow& operator=(const ResultsWindow&) = delete;

    /// Makes the run's end visible: call it when the artifacts are on disk.
    void publish(const Result& result);

    /// Keeps the server for the grace after publish(), not beyond `latest`, then closes it.
    void hold_and_close(base::Instant latest);

    void end_hold() noexcept;

    [[nodiscard]] std::string url() const;

private:
    void open(const Preparation& preparation, const Warn& warn);
    void follow(const Look& look);

    api::RunState state_;
    base::Nanoseconds grace_;
    base::Instant published_{};
    std::unique_ptr<api::Server> server_;  // null: there is none
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool asked_ = false;     // to end the hold; guarded by mutex_, as is the next
    bool stopping_ = false;  // the follower
    std::thread follower_;
};

}  // namespace aiperf::control
