#pragma once

namespace aiperf::control {

/// The helper's first argument, and what it is told over its channel beside supervision's own messages (see
/// process/message.hpp); docs/supervision.md lists them.
inline constexpr const char* k_worker_role = "worker";
inline constexpr const char* k_results_role = "results-server";

/// To a worker: look at the shared state.
inline constexpr const char* k_wake_message = R"({"type":"wake"})";

/// Descriptors a worker inherits, from process::k_first_inherited_fd on.
enum class WorkerFile : int { plan, state, dataset, bell };

/// Types of the messages between a run and its results server.
inline constexpr const char* k_listening = "listening";        ///< url, port
inline constexpr const char* k_progress = "progress";          ///< body: api::Progress
inline constexpr const char* k_taken = "progress_taken";       ///< the next may come
inline constexpr const char* k_publish = "publish";            ///< body: api::Ending
inline constexpr const char* k_published = "published";        ///< it is visible
inline constexpr const char* k_audience = "audience";          ///< who knows of the end; see api::Audience
inline constexpr const char* k_end_at = "end_at";              ///< deadline_ns: when the hold ends
inline constexpr const char* k_shutdown = "shutdown_request";  ///< somebody has asked for the end of the hold

}  // namespace aiperf::control
