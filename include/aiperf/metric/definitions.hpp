#pragma once

#include "aiperf/metric/record_view.hpp"
#include "aiperf/metric/run_view.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace aiperf::metric {

/// Where a metric's numbers come from.
enum class Kind : std::uint8_t {
    record,     ///< one value per request; the summary holds its distribution
    list,       ///< several values per request; the summary holds the distribution of all of them
    aggregate,  ///< one value per run, counted over requests
    derived,    ///< one value per run, computed from other metrics
};

/// Console table a metric is shown in, in the order the tables are printed.
enum class Group : std::uint8_t { none, effective, usage, standard, schedule };

/// What a metric's values are before conversion; integers without conversion stay integers in per-request exports.
enum class ValueType : std::uint8_t { integer, real };

/// Bits of Definition::flags; AIPerf's meanings, but for the last two.
namespace metric_flag {
inline constexpr std::uint32_t streaming_only = 1U << 0U;           ///< exists for streamed answers only
inline constexpr std::uint32_t error_only = 1U << 1U;               ///< of failed requests; never on the console
inline constexpr std::uint32_t produces_tokens = 1U << 2U;          ///< only where the endpoint produces tokens
inline constexpr std::uint32_t larger_is_better = 1U << 3U;         ///< a higher value is a better one
inline constexpr std::uint32_t hidden = 1U << 4U;                   ///< in no export and no table (AIPerf's INTERNAL)
inline constexpr std::uint32_t reasoning = 1U << 5U;                ///< only where the endpoint can report reasoning
inline constexpr std::uint32_t run_only = 1U << 6U;                 ///< not in per-request exports
inline constexpr std::uint32_t tokenizes_input = 1U << 7U;          ///< only where the endpoint's input is text
inline constexpr std::uint32_t with_failed_percentiles = 1U << 8U;  ///< has an error-adjusted sibling in AIPerf
inline constexpr std::uint32_t includes_failed = 1U << 9U;          ///< failed requests have a value too
inline constexpr std::uint32_t scheduled_only = 1U << 10U;          ///< exists where a schedule says when to send
inline constexpr std::uint32_t reads_events = 1U << 11U;            ///< its formula looks at the messages of an answer
}  // namespace metric_flag

/// Unit values are computed in, unit they are shown in, and the factor between the two.
struct Unit {
    std::string_view name;     ///< values are computed in it
    std::string_view display;  ///< values are shown in it
    double factor = 1.0;       ///< from the first to the second
};

/// Display order of metrics that AIPerf gives none: after all others, in the order of the table.
inline constexpr std::int32_t k_no_order = std::numeric_limits<std::int32_t>::max();

/// Export rank of metrics that follow the run's own keys in the JSON summary.
inline constexpr std::int32_t k_after_run = std::numeric_limits<std::int32_t>::max();

using RecordFormula = std::optional<double> (*)(const RecordView&);  ///< the value of one request; absent: it has none
using ListFormula = void (*)(const RecordView&, std::vector<double>& out);  ///< appends; nothing = no value
using RunFormula = std::optional<double> (*)(const RunView&);               ///< the value of a run; absent: it has none

/// One metric: a row of the table. Exactly one formula is set, by `kind`; values are in `unit.name`.
struct Definition {
    std::string_view tag;                     ///< "request_latency"
    std::string_view header;                  ///< for people
    Unit unit;                                ///< computed in and shown in
    ValueType value_type = ValueType::real;   ///< before conversion
    std::int32_t display_order = k_no_order;  ///< on the console; smaller is earlier
    std::int32_t export_rank = k_after_run;   ///< place among the JSON summary's leading metrics
    Kind kind = Kind::record;                 ///< where its numbers come from
    Group group = Group::none;                ///< the console table it is in
    std::uint32_t flags = 0;                  ///< metric_flag::*
    RecordFormula record = nullptr;           ///< kind `record`: the value of one request
    ListFormula list = nullptr;               ///< kind `list`: the values of one request
    RunFormula run = nullptr;                 ///< kinds `aggregate` and `derived`: the value of a run

    /// Whether any of these bits is set.
    [[nodiscard]] bool has(std::uint32_t bits) const noexcept { return (flags & bits) != 0; }

    /// Whether a request's values of this metric exist in principle: streamed or not, failed or not.
    [[nodiscard]] bool applies_to(const RecordView& view) const noexcept;
};

/// The table, in display order. Static storage. *Thread safety*: constant.
[[nodiscard]] std::span<const Definition> definitions() noexcept;

/// The row of a tag; nullptr for an unknown one.
[[nodiscard]] const Definition* find_definition(std::string_view tag) noexcept;

}  // namespace aiperf::metric
