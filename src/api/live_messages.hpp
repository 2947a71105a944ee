#pragma once

#include "aiperf/api/run_state.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::api {

/// The types of the messages below, in AIPerf's words.
inline constexpr std::array<std::string_view, 14> k_live_types{"all_records_received",
                                                               "benchmark_complete",
                                                               "credit_phase_complete",
                                                               "credit_phase_progress",
                                                               "credit_phase_sending_complete",
                                                               "credit_phase_start",
                                                               "credits_complete",
                                                               "process_records_result",
                                                               "processing_stats",
                                                               "realtime_metrics",
                                                               "results_exported",
                                                               "system_state_changed",
                                                               "worker_health",
                                                               "worker_status_summary"};

inline constexpr std::string_view k_end_type = "benchmark_complete";  ///< the last message of a run

/// Something that has happened in a run, as subscribers hear of it.
struct LiveMessage {
    std::string type;
    std::string json;  ///< one object: message_type, service_id, and fields; no nulls

    [[nodiscard]] bool is_end() const noexcept { return type == k_end_type; }
};

/// What has happened between two views of a run, in the order of a run. After a terminal view nothing happens any more;
/// the last message of the view that turns terminal is_end().
[[nodiscard]] std::vector<LiveMessage> live_messages(const RunFacts& facts,
                                                     const RunState::View& before,
                                                     const RunState::View& after);

/// Whether subscribers should hear of the difference at once: a phase or the run has come to another stage. Otherwise
/// only numbers have moved.
[[nodiscard]] bool is_turn(const RunState::View& before, const RunState::View& after) noexcept;

}  // namespace aiperf::api
