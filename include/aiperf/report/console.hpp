#pragma once

#include "aiperf/report/report_input.hpp"

#include <cstddef>
#include <string>

namespace aiperf::report {

/// How a console report is laid out.
struct ConsoleOptions {
    std::size_t width = 140;  ///< columns to stay within where a table can wrap
    bool ansi = false;        ///< colours, by escape sequences
};

/// The closing report for a person: errors by kind, the metrics by group, then command, duration and files. UTF-8,
/// lines ended by '\n'.
[[nodiscard]] std::string console_report(const ReportInput& input, const ConsoleOptions& options = {});

}  // namespace aiperf::report
