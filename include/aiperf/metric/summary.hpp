#pragma once

#include "aiperf/record/record_set.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::metric {

/// Statistics of one metric in its display unit. A scalar has only `avg`.
struct Statistics {
    double avg = 0.0;
    bool scalar = true;
    double p1 = 0.0, p5 = 0.0, p10 = 0.0, p25 = 0.0, p50 = 0.0, p75 = 0.0, p90 = 0.0, p95 = 0.0, p99 = 0.0;
    double min = 0.0, max = 0.0;
    double std = 0.0;  ///< population (ddof 0)
    std::uint64_t count = 0;
    double sum = 0.0;
};

struct Definition;  // metric/definitions.hpp

/// One metric of a run.
struct Metric {
    const Definition* definition = nullptr;  ///< static storage: tag, header, unit, order, flags
    Statistics statistics;
};

/// How many of each error.
struct ErrorCount {
    record::ErrorDetails details;
    std::uint64_t count = 0;
    std::int64_t first_ns = 0;  ///< CLOCK_MONOTONIC end of the first of them
};

/// What decides which metrics exist.
struct Context {
    bool streaming = false;
    bool use_server_token_count = false;
    bool cancelled = false;  ///< the run was cut short: rates divide by benchmark_duration, not by the phases' span
};

/// The numbers of a run: metrics that have a value, in AIPerf's display order.
struct Summary {
    std::vector<Metric> metrics;
    std::vector<ErrorCount> errors;  ///< most frequent first
    std::uint64_t valid = 0;         ///< good answers in profiling phases
    std::uint64_t failed = 0;        ///< errors in profiling phases, cancelled ones included
    std::int64_t start_wall_ns = 0;  ///< first profiling phase's start, Unix epoch
    std::int64_t end_wall_ns = 0;

    /// nullptr where the metric has no value.
    [[nodiscard]] const Metric* find(std::string_view tag) const noexcept;
};

/// Computes every metric of the table from the committed records of profiling phases, exactly.
[[nodiscard]] Summary summarise(const record::RecordSet& set, const Context& context);

/// The same from the records of one phase, profiling or not. `phase` is an index into the set's phases.
[[nodiscard]] Summary summarise_phase(const record::RecordSet& set, const Context& context, std::size_t phase);

}  // namespace aiperf::metric
