#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::report {

// Debian 12 packages no C++ library that draws tables, and what AIPerf's tables need is small: hence our own.

/// On which side a cell's text is.
enum class Align : std::uint8_t { left, right };

/// One column of a table.
struct Column {
    std::string header;          ///< its title
    Align align = Align::right;  ///< of its cells
    bool wraps = false;          ///< gives way where the table would be too wide
    std::string ansi;            ///< SGR parameters of its cells ("36"); empty: plain
};

/// A titled table. A cell may hold several lines.
struct Table {
    std::string title;                           ///< empty = none
    std::vector<Column> columns;                 ///< from left to right
    std::vector<std::vector<std::string>> rows;  ///< cells, one for each column
};

/// The table with heavy lines around its head and light ones below, title centred above. Control characters other than
/// '\n' are shown as '?'.
[[nodiscard]] std::string render_table(const Table& table, std::size_t width, bool ansi);

/// Columns a terminal gives to UTF-8 text: 2 for East Asian wide characters and emoji, 0 for combining ones.
[[nodiscard]] std::size_t display_width(std::string_view text) noexcept;

}  // namespace aiperf::report
