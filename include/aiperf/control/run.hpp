#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/config/run_config.hpp"
#include "aiperf/control/finished_request.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/metric/summary.hpp"
#include "aiperf/record/record_set.hpp"
#include "aiperf/validity/calibration.hpp"
#include "aiperf/validity/verdict.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace spdlog {
class logger;
}

namespace aiperf::control {

/// How a run ended, in the words artifacts and the results server use.
enum class Status : std::uint8_t { running, complete, cancelled, incomplete };

/// Exit codes of cancelled runs: by Ctrl-C, by SIGTERM.
inline constexpr int k_interrupted = 130;
inline constexpr int k_terminated = 143;  ///< by SIGTERM

/// Exit code of a run that went well, but whose verdict is one of --fail-on.
inline constexpr int k_distorted = 3;

/// The word artifacts use.
[[nodiscard]] const char* to_string(Status status) noexcept;

/// Percentiles of a live sketch (relative error below 2 %), milliseconds; absent without samples.
struct LivePercentiles {
    std::optional<double> p50_ms;  ///< median
    std::optional<double> p99_ms;  ///< 99th percentile
};

/// A run as seen from outside at one moment. Counters are of the current phase; `completed` = good answers + `errors`.
struct Snapshot {
    std::string phase;                            ///< "preparing", "warmup", "profiling", "exporting", "done"
    std::uint64_t sent = 0;                       ///< requests whose first byte was written; completed + in_flight
    std::uint64_t completed = 0;                  ///< requests that are over, good or not
    std::uint64_t errors = 0;                     ///< part of completed
    std::uint64_t in_flight = 0;                  ///< sent and not over
    std::uint64_t retries = 0;                    ///< requests sent anew on a fresh connection
    std::uint64_t sessions_sent = 0;              ///< sessions begun; a request by itself is one
    std::uint64_t sessions_completed = 0;         ///< sessions whose last turn is over; part of sessions_sent
    std::optional<std::uint64_t> requests_asked;  ///< absent in a run bound by duration alone
    std::optional<double> duration_asked_s;       ///< absent in a run bound by requests alone
    double elapsed_s = 0.0;                       ///< since the phase began
    double requests_per_second = 0.0;             ///< completed over elapsed
    std::optional<double> eta_s;                  ///< seconds until the phase ends; absent where nobody knows
    LivePercentiles time_to_first_token;          ///< of the phase so far
    LivePercentiles inter_token_latency;          ///< of the phase so far
    Status status = Status::running;              ///< of the run
};

/// What a finished run leaves.
struct Result {
    Status status = Status::incomplete;  ///< how it ended
    std::string error;                   ///< why `incomplete`, or why everything failed; else empty
    /// Of `error`: "RunError"; "ProcessError" where a process of the run died; "TooManyFailures" where
    /// --failed-request-threshold ended the run; else empty.
    std::string error_type;
    metric::Summary summary;                           ///< every number
    std::shared_ptr<const record::RecordSet> records;  ///< every request; never null
    std::filesystem::path artifact_directory;          ///< absolute
    std::vector<std::filesystem::path> artifacts;      ///< files written, absolute
    std::string record_sink_error;                     ///< what ended Environment::on_record early; empty = nothing
    std::vector<std::string> failed_exporters;         ///< files that could not be written, by name
    validity::Judgement validity;                      ///< whether the client distorted the numbers, and why
    std::optional<validity::Calibration> calibration;  ///< what the client alone adds to this load, where that is known
    double worker_cpu_s = 0.0;                         ///< processor time of the workers while profiling; 0 = not known
    config::RunConfig config;                          ///< as asked
    std::vector<std::string> notes;                    ///< what a reader of the numbers must know, sentences
    std::string benchmark_id;                          ///< 12 hexadecimal digits, the same in every artifact
    int cancel_code = k_interrupted;                   ///< exit code where the run was cancelled or aborted
    bool aborted = false;                              ///< ended at once: `incomplete`, without artifacts

    /// 0 at least one good answer; 1 none, or the run failed; 3 as 0, but the verdict is one of --fail-on; cancel_code
    /// where cancelled or aborted. What aiperf-cpp exits with.
    [[nodiscard]] int exit_code() const noexcept;
};

/// What the library takes from its surroundings; nothing is read behind the caller's back.
struct Environment {
    std::map<std::string, std::string> variables;   ///< as getenv would give them (AIPERF_*, HF_HOME, HOME, …)
    std::filesystem::path working_directory = ".";  ///< relative paths start here
    std::shared_ptr<spdlog::logger> logger;         ///< null: silent
    /// Called, on a thread of its own, where a step of the run is 10 s behind its deadline; must not throw.
    std::function<void(const std::string& sentence)> on_stuck{};

    /// Called once for each finished request, good or not, warm-up included, on one thread of the run's own that reads
    /// the journal behind the workers: no request waits for it, and what it has not come to lies on the disk, not in
    /// memory. In the order requests started, but for those that others overtook. Every call is over before the
    /// result is there; so a slow one delays it, after a cancel by 5 s at most, and an abort drops what is left.
    /// An exception ends the calls and not the run: it is logged, and in Result::record_sink_error. May cancel the run;
    /// must not wait for it.
    std::function<void(const FinishedRequest& request)> on_record{};

    /// The API that is spoken, in the place of --endpoint-type's (which still names artifacts). Null: that one. With
    /// one of your own the workers are threads: Run refuses --backend process.
    std::shared_ptr<const endpoint::Endpoint> endpoint{};

    /// The process's own environment and working directory.
    [[nodiscard]] static Environment of_process();
};

/// One benchmark: prepared and checked at construction, then started, watched, cancelled, waited for.
///
///     Run run(config, Environment::of_process());
///     run.start();
///     while (!run.wait_for(std::chrono::milliseconds(500))) { show(run.snapshot()); }
///     const Result& result = run.result();
///
/// Construction throws base::ConfigError for bad input; nothing has been started or written then.
/// Prints nothing, touches no signal handler, never exits. *Thread safety*: all calls from any thread. The destructor
/// cancels and joins.
class Run {
public:
    /// Prepares and checks a run. Throws base::ConfigError.
    explicit Run(config::RunConfig config, Environment environment = {});
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    /// Starts the run on threads of its own and returns. A second call does nothing.
    void start();

    /// Asks the run to end: in-flight requests are closed and recorded as cancelled, partial artifacts are written.
    /// Idempotent; before start() the run ends without a request. `exit_code` becomes the result's; the first call's
    /// counts.
    void cancel(int exit_code = k_interrupted) noexcept;

    /// Ends at once: no export. The journal stays intact. Idempotent.
    void abort() noexcept;

    /// Waits until the run is over or `timeout` has passed; true = over. A run never started is not over.
    [[nodiscard]] bool wait_for(base::Nanoseconds timeout);

    /// True once result() does not block.
    [[nodiscard]] bool done() const noexcept;

    /// How far the run is. Cheap enough for ten calls a second.
    [[nodiscard]] Snapshot snapshot() const;

    /// Waits for the end. Throws base::RunError if the run was never started.
    const Result& result();

    /// Where the results server listens ("http://127.0.0.1:9090"); empty: there is none, or not yet.
    [[nodiscard]] std::string api_url() const;

    /// The token its clients need (Authorization: Bearer): AIPERF_API_SERVER_TOKEN, or one that was made, as on any
    /// address but loopback; empty: none is needed, there is no server, or not yet. Written to no file.
    [[nodiscard]] std::string api_token() const;

    /// A results server outlives the result by AIPERF_API_SERVER_POST_COMPLETE_GRACE, so that clients see how the run
    /// ended. Waits until it has closed too, or `timeout` has passed; true = closed. Without a server that is when the
    /// result is there.
    [[nodiscard]] bool wait_closed_for(base::Nanoseconds timeout);

    /// Ends that grace now; no effect before the result is there.
    void end_hold() noexcept;

    /// Waits for the result and the end of the grace. Without start() it does nothing.
    void close();

    /// The configuration with every default filled in (seed drawn, directory named).
    [[nodiscard]] const config::RunConfig& config() const noexcept;

    /// Where the artifacts go: absolute, there already.
    [[nodiscard]] const std::filesystem::path& artifact_directory() const noexcept;

    /// Passes a signal (SIGSTOP, SIGCONT) to the processes of the run; nothing with the thread backend.
    void pass_signal(int signal) noexcept;

    /// Lines for a person: the step of the run with its deadline, the run's processes with their states.
    [[nodiscard]] std::vector<std::string> where() const;

    /// The processes of the run that have not ended.
    [[nodiscard]] std::vector<pid_t> children() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

/// Runs one benchmark to its end in the calling thread's time. Throws base::ConfigError for bad input.
[[nodiscard]] Result run(config::RunConfig config, Environment environment = {});

/// Makes the artifacts of an interrupted run from its artifact directory (the journal in it, or below
/// AIPERF_JOURNAL_DIR of `environment`). The result is `incomplete`; whatever was in flight becomes an error record.
/// Throws base::RunError for a directory without a readable journal, or one that a run is still writing to.
[[nodiscard]] Result recover(const std::filesystem::path& artifact_directory, const Environment& environment = {});

/// Reads back what a run left, from the journal of its artifact directory; writes nothing. The status is `incomplete`
/// where the run did not come to write its artifacts. Throws base::RunError for a directory without a readable journal,
/// or one that a run is still writing to.
[[nodiscard]] Result reopen(const std::filesystem::path& artifact_directory, const Environment& environment = {});

/// Where the journal of an artifact directory is, or would be (AIPERF_JOURNAL_DIR of `environment`).
[[nodiscard]] std::filesystem::path journal_directory(const std::filesystem::path& artifact_directory,
                                                      const Environment& environment = {});

/// What decides which metrics a result has.
[[nodiscard]] metric::Context context_of(const Result& result) noexcept;

/// Where a program keeps its log, below the artifact directory.
inline constexpr const char* k_log_file = "logs/aiperf.log";

/// The closing report for a person: tables as AIPerf's, errors, command, files. `width` in columns; `ansi`: with
/// colours.
[[nodiscard]] std::string console_text(const Result& result, std::size_t width = 140, bool ansi = false);

}  // namespace aiperf::control
