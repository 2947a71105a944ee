#pragma once

#include "aiperf/metric/summary.hpp"
#include "aiperf/record/record_set.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::test {

using Json = nlohmann::ordered_json;

/// A recorded run of AIPerf, turned into the records our engine would have written for it.
///
/// Monotonic time is the recording's wall time (the anchor is the identity), so that every stamp is comparable. Content
/// is decided from the raw packets; token counts of the client come from the per-request export.
struct GoldenCase {
    std::filesystem::path directory;
    std::vector<std::string> arguments;  ///< of the recorded command
    Json summary;                        ///< profile_export_aiperf.json; null where the run wrote none
    std::vector<Json> rows;              ///< profile_export.jsonl, in file order
    std::vector<std::size_t> slots;      ///< slot of each of `rows`
    metric::Context context;
    std::vector<std::string> conversation_ids;  ///< by data-set entry
    record::RunInfo info;
    std::vector<record::MemoryRecordSet::Row> record_rows;  ///< in slot order

    [[nodiscard]] record::MemoryRecordSet records() const { return {info, record_rows}; }
};

/// Reads tests/golden/cases/<name>. Throws where it is not as expected.
[[nodiscard]] GoldenCase load_golden_case(const std::string& name);

/// The bytes of a file. Throws where it cannot be read.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// The text cut at '\n'; no empty last line.
[[nodiscard]] std::vector<std::string> split_lines(std::string_view text);

/// Within a relative 1e-12, or both 0.
[[nodiscard]] bool same_number(double a, double b);

}  // namespace aiperf::test
