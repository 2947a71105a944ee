#pragma once

#include "aiperf/api/run_state.hpp"

#include <string>

namespace aiperf::api {

/// /api/results and status.json; `ending` null while the run lasts.
[[nodiscard]] std::string status_body_json(const RunFacts& facts,
                                           Status status,
                                           std::uint64_t seq,
                                           const Ending* ending);

[[nodiscard]] std::string progress_json(const RunState::View& view);
[[nodiscard]] std::string workers_json(const RunState::View& view);
[[nodiscard]] std::string metrics_json(const RunFacts& facts, const RunState::View& view);
[[nodiscard]] std::string run_json(const RunFacts& facts);

/// {"detail": text}, as every error is told. Text that is no UTF-8 is repaired.
[[nodiscard]] std::string detail_json(const std::string& text);

/// /metrics in Prometheus' text format; each name has its HELP and TYPE once.
[[nodiscard]] std::string prometheus_text(const RunFacts& facts, const RunState::View& view);

}  // namespace aiperf::api
