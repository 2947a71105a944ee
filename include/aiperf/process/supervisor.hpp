#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/process/exit_status.hpp"
#include "aiperf/process/service_state.hpp"
#include "aiperf/process/spawn.hpp"
#include "aiperf/process/stop_policy.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace aiperf::process {

/// Numbers the children of one supervisor, from 1.
enum class ChildId : std::uint32_t {};

/// How a child ended.
struct DeathReport {
    ChildId child{};                      ///< which one
    std::string name;                     ///< what it is called
    pid_t pid = -1;                       ///< it had
    ExitStatus status;                    ///< how it ended
    bool expected = false;                ///< it had been told to stop
    ServiceView last_view;                ///< what it had claimed; process_alive is false
    std::string sentence;                 ///< all of it in one sentence, with the last lines of its stderr
    std::vector<std::string> last_lines;  ///< oldest first
};

/// What a supervisor tells. Called on its own thread, one at a time, without a lock held: calls back into the
/// supervisor are fine, but for wait_*() and shutdown(), which would wait for themselves. Must not block. The first
/// exception is kept and thrown by shutdown().
struct SupervisorHandlers {
    std::function<void(ChildId, std::string_view payload)> on_message{};  ///< each frame, supervision's own included
    std::function<void(ChildId, const ServiceView&)> on_change{};         ///< registration, state or life has changed
    std::function<void(const DeathReport&)> on_death{};                   ///< after all of its messages; it is reaped
};

/// How a child is started, heard and stopped.
struct ChildOptions {
    SpawnOptions spawn;             ///< program, arguments, environment
    SupervisorHandlers handlers{};  ///< for this child alone; called before the supervisor's own
    base::Nanoseconds register_within = std::chrono::seconds(30);  ///< then its registration is `timeout`
    StopPolicy stop;                                               ///< how it is ended
};

/// Starts processes, watches them, stops them. A thread of its own waits for pidfds, control channels, stderr pipes
/// and the next deadline, and for nothing else; it starts the children too, so that their death signal fires only
/// when this process (or the supervisor) ends. docs/supervision.md has states, orders and deadlines.
///
///     Supervisor supervisor({.on_death = [&](const DeathReport& report) { log(report.sentence); }});
///     const ChildId worker = supervisor.start({.spawn = {.name = "worker_1", .executable = helper}});
///     supervisor.wait_for(worker, [](const ServiceView& view) { return view.alive(); }, deadline);
///     supervisor.stop(worker);
///
/// *Thread safety*: all calls from any thread. The destructor is shutdown() without its exception.
class Supervisor {
public:
    /// Starts the thread. Throws base::SystemError.
    explicit Supervisor(SupervisorHandlers handlers = {});
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    /// Starts a child. Throws base::SystemError where that fails, base::RunError after shutdown().
    ChildId start(ChildOptions options);

    /// What is known of a child now: claims as last heard, life from its pidfd at this moment.
    /// An unknown id gives a view of something never started.
    [[nodiscard]] ServiceView view(ChildId child) const;

    /// -1 for an unknown id. The number may be another process's once the child has ended.
    [[nodiscard]] pid_t pid(ChildId child) const;

    /// The processes that have not ended, by rising id.
    [[nodiscard]] std::vector<pid_t> pids() const;

    /// A line for each of them: "worker_1 (pid 7): registered, running, told to stop: asked".
    [[nodiscard]] std::vector<std::string> describe() const;

    /// How far its stop is; absent before stop().
    [[nodiscard]] std::optional<StopStep> stop_step(ChildId child) const;

    /// Absent while it has not ended.
    [[nodiscard]] std::optional<DeathReport> death(ChildId child) const;

    /// Hands over a frame's payload for sending. A peer that is gone, or whose queue is full, gets nothing: its end is
    /// told as a death.
    void send(ChildId child, std::string payload);

    /// Begins to stop a child and returns: it is asked now, gets SIGTERM at `leave_by` (absent: its policy's time from
    /// now, or the time it stated itself if that is later), then SIGKILL, each to its group, and is reaped. Called
    /// again it moves `leave_by`, also to an earlier instant; not after SIGTERM.
    void stop(ChildId child, std::optional<base::Instant> leave_by = std::nullopt);

    /// stop() for every child that is not being stopped yet: all in parallel.
    void stop_all();

    /// SIGKILL to its group at once.
    void kill(ChildId child);
    /// Kills every child's group, now.
    void kill_all();

    /// Passes a signal (SIGSTOP, SIGCONT, SIGUSR1, …) to every child's group.
    void signal_all(int signal);

    /// Waits until `condition` holds for a child's view, or it has ended, or `deadline` has passed; the condition's
    /// value at that time.
    [[nodiscard]] bool wait_for(ChildId child,
                                const std::function<bool(const ServiceView&)>& condition,
                                base::Instant deadline) const;

    /// Waits until a child has ended and was reaped. False: `deadline` has passed.
    [[nodiscard]] bool wait_ended(ChildId child, base::Instant deadline) const;

    /// The same for all children started so far.
    [[nodiscard]] bool wait_all_ended(base::Instant deadline) const;

    /// Stops what is not being stopped yet, waits for all (each stop has its own end), joins the thread. Idempotent.
    /// Throws what a handler threw.
    void shutdown();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aiperf::process
