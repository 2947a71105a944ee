#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/metric/summary.hpp"

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aiperf::api {

/// What a poller of /api/results sees. Only `running` is ever left, and once.
enum class Status : std::uint8_t { running, complete, cancelled, incomplete };

/// The word artifacts and answers use.
[[nodiscard]] const char* to_string(Status status) noexcept;

/// The run as a system, in AIPerf's words; forward only.
enum class SystemState : std::uint8_t { initializing, configuring, ready, profiling, processing, stopping, shutdown };

/// The word artifacts and answers use.
[[nodiscard]] const char* to_string(SystemState state) noexcept;

/// What never changes during a run.
struct RunFacts {
    std::string run_id;                        ///< 12 hexadecimal digits, the benchmark's id in every artifact
    std::int64_t pid = 0;                      ///< of the process that leads the run
    std::int64_t started_at_ns = 0;            ///< Unix epoch
    std::filesystem::path artifact_directory;  ///< absolute
    std::string config_json = "{}";            ///< the effective configuration, keys and secrets already redacted
    std::optional<std::uint64_t> random_seed;  ///< the one in use
    std::string cli_command;                   ///< redacted; empty: not started from a command line
    std::string model;                         ///< the first of --model
    std::string endpoint_type;                 ///< "chat"
    bool streaming = false;                    ///< --streaming was given
    std::optional<std::uint64_t> concurrency;  ///< absent: unlimited
    std::optional<double> request_rate;        ///< requests per second; absent: a closed loop
};

/// One phase as /api/progress shows it; wall times are nanoseconds since the Unix epoch.
struct PhaseProgress {
    std::string name;                             ///< "warmup", "profiling"
    std::optional<std::int64_t> start_ns;         ///< absent: not begun
    std::optional<std::int64_t> sent_end_ns;      ///< the last request was sent
    std::optional<std::int64_t> requests_end_ns;  ///< the last answer was in; absent while the phase lasts
    std::optional<std::uint64_t> requests_asked;  ///< absent: bound by time alone
    std::optional<std::uint64_t> sessions_asked;  ///< absent: not bound by sessions
    std::optional<double> duration_asked_s;       ///< absent: bound by requests alone
    std::optional<double> grace_asked_s;          ///< for what is in flight after the duration; absent: any time
    bool timeout_triggered = false;               ///< its duration was over before its requests
    bool grace_timeout_triggered = false;         ///< so was its grace: requests were closed
    bool was_cancelled = false;                   ///< somebody ended it
    std::uint64_t sent = 0;                       ///< completed + cancelled + in flight
    std::uint64_t completed = 0;                  ///< good answers and errors
    std::uint64_t errors = 0;                     ///< part of completed
    std::uint64_t cancelled = 0;                  ///< requests closed by us
    std::uint64_t sessions_sent = 0;              ///< sessions begun
    std::uint64_t sessions_completed = 0;         ///< part of sessions_sent
    double requests_per_second = 0.0;             ///< completed over the time since the start
    std::optional<double> eta_s;                  ///< until its end; absent where nobody knows
};

/// One worker as /api/workers shows it.
struct WorkerProgress {
    std::string id;                  ///< "worker_0"
    std::int64_t pid = 0;            ///< of the process it is in
    std::string status = "healthy";  ///< AIPerf's words: healthy, high_load, error, idle, stale
    std::uint64_t total = 0;         ///< requests it took
    std::uint64_t completed = 0;     ///< of these
    std::uint64_t failed = 0;        ///< of these
};

/// One metric with the statistics it has, in the order they are written ("avg", "p1", …).
struct MetricSnapshot {
    std::string tag;                                         ///< "request_latency"
    std::string header;                                      ///< for people: "Request Latency"
    std::string unit;                                        ///< of the statistics: "ms"
    std::vector<std::pair<std::string, double>> statistics;  ///< name and value

    friend bool operator==(const MetricSnapshot&, const MetricSnapshot&) = default;
};

/// What can be seen of a running benchmark at one moment.
struct Progress {
    SystemState system_state = SystemState::initializing;  ///< of the run as a whole
    std::vector<PhaseProgress> phases;                     ///< in the order they were started
    std::vector<WorkerProgress> workers;                   ///< in the order of their numbers
    std::vector<MetricSnapshot> metrics;                   ///< live ones, or the final ones
    std::int64_t updated_at_ns = 0;                        ///< Unix epoch
};

/// What ended a run that is not complete.
struct RunFailure {
    std::string type;     ///< "RunError"
    std::string message;  ///< for people
};

/// How a run ended. Publish it when the artifacts are on disk, not before.
struct Ending {
    Status status = Status::complete;           ///< not `running`
    std::optional<RunFailure> error;            ///< why it is not complete; absent: it is
    int exit_code = 0;                          ///< of the program
    std::string results_json;                   ///< results_json(); empty: there are none
    bool partial = false;                       ///< some artifacts are missing
    std::vector<std::string> failed_exporters;  ///< files that could not be written, by name
};

/// The metrics of a summary as the routes show them.
[[nodiscard]] std::vector<MetricSnapshot> snapshots(const metric::Summary& summary);

/// The member "results" of a terminal status: every number of the run, with AIPerf's keys. `incomplete_reason` empty:
/// the result set is whole.
[[nodiscard]] std::string results_json(const metric::Summary& summary,
                                       bool was_cancelled,
                                       const std::string& incomplete_reason = {});

/// What the routes answer from. The owner publishes, the server reads; it does not matter in which thread each lives.
///
///     state.set_progress(progress);                          // as often as one likes
///     state.publish(ending, [&](const std::string& body) {   // once, when the files are there
///         write_status_file(directory, body);
///     });
///
/// The status leaves `running` once and never changes again; the system state only goes forward. *Thread safety*: all
/// calls from any thread.
class RunState {
public:
    /// One consistent view for one answer.
    struct View {
        Status status = Status::running;            ///< how the run has ended, or `running`
        std::uint64_t seq = 0;                      ///< rises with each change
        std::string status_body;                    ///< of /api/results
        Progress progress;                          ///< as last set
        bool partial = false;                       ///< some artifacts are missing
        std::vector<std::string> failed_exporters;  ///< files that could not be written, by name
    };

    /// Starts as `running`, with no progress.
    explicit RunState(RunFacts facts);

    /// What the run is.
    [[nodiscard]] const RunFacts& facts() const noexcept { return facts_; }

    /// Shows how far the run is. A system state that lies behind the one shown is ignored.
    void set_progress(Progress progress);

    /// Moves the system state alone forward.
    void set_system_state(SystemState state);

    /// Makes the terminal status visible and wakes every long poll. `record`, if given, gets the status body first
    /// (for status.json); what it throws is thrown on after the status has become visible. False: the run had ended
    /// already and nothing changed. Throws std::invalid_argument for the status `running`.
    bool publish(const Ending& ending, const std::function<void(const std::string&)>& record = {});

    /// How the run has ended; `running` while it has not.
    [[nodiscard]] Status status() const;

    /// The body of /api/results, and of status.json.
    [[nodiscard]] std::string status_body() const;

    /// Everything an answer may need, of one moment.
    [[nodiscard]] View view() const;

    /// Waits for the terminal status or for `deadline`; true = it is there.
    [[nodiscard]] bool wait_until_terminal(base::Instant deadline) const;

    /// Called, from the publishing thread, after a terminal status became visible. One listener; empty = none. Returns
    /// only when no call to the former listener is under way.
    void on_terminal(std::function<void()> listener);

private:
    const RunFacts facts_;
    mutable std::mutex mutex_;
    mutable std::condition_variable ended_;
    View view_;
    bool publishing_ = false;
    std::mutex listener_mutex_;
    std::function<void()> listener_;
};

}  // namespace aiperf::api
