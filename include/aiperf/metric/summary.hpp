#pragma once

#include "aiperf/record/record_set.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::metric {

/// What the values say about one percentile of where they come from: order statistics, each a one-sided bound at 99 %
/// confidence whatever the distribution (metric/percentile_bounds.hpp). NaN: there are too few values for that bound.
struct Interval {
    double low = std::numeric_limits<double>::quiet_NaN();   ///< the percentile is at least this
    double high = std::numeric_limits<double>::quiet_NaN();  ///< the percentile is at most this

    /// Both bounds exist.
    [[nodiscard]] bool is_whole() const noexcept { return low <= high; }
};

/// The percentiles of Statistics, ascending.
inline constexpr std::array<double, 9> k_percentiles{1, 5, 10, 25, 50, 75, 90, 95, 99};

/// Statistics of one metric in its display unit. A scalar has only `avg`.
struct Statistics {
    double avg = 0.0;                                        ///< mean, or the value of a scalar
    bool scalar = true;                                      ///< true: `avg` is all there is
    double p1 = 0.0;                                         ///< 1st percentile
    double p5 = 0.0;                                         ///< 5th percentile
    double p10 = 0.0;                                        ///< 10th percentile
    double p25 = 0.0;                                        ///< 25th percentile
    double p50 = 0.0;                                        ///< median
    double p75 = 0.0;                                        ///< 75th percentile
    double p90 = 0.0;                                        ///< 90th percentile
    double p95 = 0.0;                                        ///< 95th percentile
    double p99 = 0.0;                                        ///< 99th percentile
    double min = 0.0;                                        ///< smallest value
    double max = 0.0;                                        ///< largest value
    double std = 0.0;                                        ///< population (ddof 0)
    std::uint64_t count = 0;                                 ///< values
    double sum = 0.0;                                        ///< of the values
    std::array<Interval, k_percentiles.size()> intervals{};  ///< of k_percentiles, in their order
};

struct Definition;  // metric/definitions.hpp

/// One metric of a run.
struct Metric {
    const Definition* definition = nullptr;  ///< static storage: tag, header, unit, order, flags
    Statistics statistics;                   ///< in its display unit
};

/// How many of each error.
struct ErrorCount {
    record::ErrorDetails details;  ///< code, type and message
    std::uint64_t count = 0;       ///< how often
    std::int64_t first_ns = 0;     ///< CLOCK_MONOTONIC end of the first of them
};

/// What decides which metrics exist.
struct Context {
    bool streaming = false;               ///< --streaming was given
    bool use_server_token_count = false;  ///< counts are those of `usage`
    bool open_loop = false;               ///< a schedule says when requests are sent, not the answers
    bool cancelled = false;  ///< the run was cut short: rates divide by benchmark_duration, not by the phases' span
};

/// The numbers of a run: metrics that have a value, in AIPerf's display order.
struct Summary {
    std::vector<Metric> metrics;     ///< in the order of the definitions
    std::vector<ErrorCount> errors;  ///< most frequent first
    std::uint64_t valid = 0;         ///< good answers in profiling phases
    std::uint64_t failed = 0;        ///< errors in profiling phases, cancelled ones included
    std::int64_t start_wall_ns = 0;  ///< first profiling phase's start, Unix epoch
    std::int64_t end_wall_ns = 0;    ///< Unix epoch

    /// nullptr where the metric has no value.
    [[nodiscard]] const Metric* find(std::string_view tag) const noexcept;
};

/// Computes every metric of the table from the committed records of profiling phases, exactly.
[[nodiscard]] Summary summarise(const record::RecordSet& set, const Context& context);

/// The same from the records of one phase, profiling or not. `phase` is an index into the set's phases.
[[nodiscard]] Summary summarise_phase(const record::RecordSet& set, const Context& context, std::size_t phase);

}  // namespace aiperf::metric
