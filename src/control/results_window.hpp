#pragma once

#include "aiperf/api/hold.hpp"
#include "aiperf/api/run_state.hpp"
#include "aiperf/base/clock.hpp"
#include "aiperf/control/run.hpp"
#include "results_host.hpp"

#include <spdlog/common.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace aiperf::control {

struct Preparation;

/// What others can see of a run: status.json in its artifact directory, and the results server where a port was asked
/// for. The status turns once, when the artifacts are there; the server stays for the grace after it.
///
/// *Thread safety*: end_hold() and url() from any thread; the rest from one.
class ResultsWindow {
public:
    using Look = std::function<api::Progress()>;
    using Log = std::function<void(spdlog::level::level_enum, const std::string&)>;

    /// Writes the first status.json. `look` is called often, from a thread of the window; `log` from any.
    ResultsWindow(const Preparation& preparation, Look look, Log log);
    ~ResultsWindow();
    ResultsWindow(const ResultsWindow&) = delete;
    ResultsWindow& operator=(const ResultsWindow&) = delete;

    /// Starts the server, if there is to be one: as a process where `kit` is given, else as a thread. A port given by
    /// flag that cannot be bound throws base::RunError; one from the environment is a warning.
    void open(const Preparation& preparation, const ProcessKit* kit);

    /// Makes the run's end visible, and waits until the server confirms it: call it when the artifacts are on disk.
    void publish(const Result& result);

    /// Keeps the server for the grace after publish(), not beyond `latest`, then closes it.
    void hold_and_close(base::Instant latest);

    /// The longest that hold_and_close() may take; absent: as long as it likes.
    [[nodiscard]] std::optional<base::Nanoseconds> longest_hold() const noexcept;

    void end_hold() noexcept;

    [[nodiscard]] std::string url() const;

    /// What the server wants of its clients; empty: nothing, or there is none.
    [[nodiscard]] std::string token() const;

private:
    void start(const Preparation& preparation, const api::ServerOptions& options, const ProcessKit* kit);
    void tell_stay();
    void follow();
    void stop_following();
    void end_hold_at(base::Instant when) noexcept;
    [[nodiscard]] api::Wake wait(base::Instant deadline);

    api::RunState state_;
    Look look_;
    Log log_;
    api::HoldRules rules_;
    base::Nanoseconds closing_;
    base::Nanoseconds response_delay_;
    base::Instant published_{};
    std::unique_ptr<ResultsHost> host_;  // null: there is none
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string token_;                           // guarded by mutex_
    base::Instant asked_ = base::Instant::max();  // when the hold is to end; guarded by mutex_, as is the next
    bool stopping_ = false;                       // the follower
    std::thread follower_;
};

}  // namespace aiperf::control
