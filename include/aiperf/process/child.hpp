#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/process/channel.hpp"
#include "aiperf/process/exit_status.hpp"
#include "aiperf/process/line_tail.hpp"
#include "aiperf/process/message.hpp"
#include "aiperf/process/service_state.hpp"
#include "aiperf/process/spawn.hpp"
#include "aiperf/process/stop_policy.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aiperf::process {

/// A started process and what is known of it: what it claims, whether it has ended, what it wrote to stderr.
/// It waits for nothing: its owner waits for its descriptors and calls what became ready. The destructor kills the
/// group and reaps. *Thread safety*: none; the thread that makes it must live as long as the process should
/// (see spawn()).
class Child : public StopTarget {
public:
    /// Starts it. Throws base::SystemError.
    explicit Child(const SpawnOptions& options);
    ~Child() override;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// As its options say.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Of the process; may be another's once it was reaped.
    [[nodiscard]] pid_t pid() const noexcept { return process_.pid; }

    /// Readable once the process has ended; then call collect().
    [[nodiscard]] const Descriptor& pidfd() const noexcept { return process_.pidfd; }

    /// -1 once it is of no more use. Readable: read_channel(). Writable, while channel().wants_write(): flush().
    [[nodiscard]] int channel_fd() const noexcept;

    /// Messages to and from it.
    [[nodiscard]] Channel& channel() noexcept { return channel_; }

    /// -1 once it is of no more use. Readable: read_errors().
    [[nodiscard]] int errors_fd() const noexcept { return process_.errors.get(); }

    /// Takes in what has arrived: supervision's own messages change the view; all payloads are returned.
    std::vector<std::string> read_channel();

    /// Takes in a bounded piece of what the process wrote to stderr.
    void read_errors();

    /// If the process has ended: takes the rest of both streams, kills what is left of its group, reaps it, closes
    /// everything. Returns the last payloads; exit_status() is set from then on.
    std::vector<std::string> collect();

    /// Absent until collect() has found the process ended.
    [[nodiscard]] const std::optional<ExitStatus>& exit_status() const noexcept { return exit_status_; }

    /// What it claims and whether it lives.
    [[nodiscard]] ServiceView view() const noexcept;

    /// Registered, neither stopped nor failed by its own word, and its pidfd not signalled.
    [[nodiscard]] bool alive() const noexcept { return view().alive(); }

    /// Nothing heard in time: the registration is `timeout` from here on, unless it was decided before.
    void registration_timed_out() noexcept;

    /// Until when the process said, since the last call, that it has a reason to stay.
    [[nodiscard]] std::optional<base::Instant> take_leave_by() noexcept {
        return std::exchange(leave_by_, std::nullopt);
    }

    /// Sends a signal to its group, while the process has not been reaped.
    void signal_group(int signal) noexcept;

    /// The end as one sentence: "worker_1 (pid 7) was killed by signal 9 (SIGKILL); last lines on stderr: …".
    [[nodiscard]] std::string death_report() const;

    /// Last lines of its stderr, oldest first.
    [[nodiscard]] std::vector<std::string> last_lines() const { return errors_.lines(); }

    [[nodiscard]] bool ended() const override;
    bool ask(base::Instant leave_by) override;
    void terminate() override;
    void kill() override;

private:
    void take(const Message& message);
    bool read_errors_once();
    void refuse_channel();

    std::string name_;
    SpawnedProcess process_;
    Channel channel_;
    LineTail errors_;
    Registration registration_ = Registration::waiting;
    ServiceState state_ = ServiceState::created;
    std::string fault_;  // why the process failed by our judgement or its own word
    std::optional<base::Instant> leave_by_;
    std::optional<ExitStatus> exit_status_;
};

}  // namespace aiperf::process
