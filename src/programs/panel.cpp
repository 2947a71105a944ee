#include "panel.hpp"

#include <algorithm>

namespace aiperf::programs {

namespace {

void append_rule(std::string& out, std::size_t columns) {
    for (std::size_t i = 0; i < columns; ++i) {
        out += "─";
    }
}

}  // namespace

std::string panel(std::string_view title, std::initializer_list<std::string_view> lines) {
    std::size_t width = title.size() + 2;  // between the borders and their blanks
    for (const std::string_view line : lines) {
        width = std::max(width, line.size());
    }
    const std::size_t rules = width - title.size();
    std::string out = "╭";
    append_rule(out, rules / 2);
    out.append(" ").append(title).append(" ");
    append_rule(out, rules - rules / 2);
    out += "╮\n";
    for (const std::string_view line : lines) {
        out.append("│ ").append(line).append(width - line.size(), ' ').append(" │\n");
    }
    out += "╰";
    append_rule(out, width + 2);
    return out + "╯";
}

}  // namespace aiperf::programs
