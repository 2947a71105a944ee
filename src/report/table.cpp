#include "aiperf/report/table.hpp"

#include "glyphs.hpp"

#include <algorithm>

namespace aiperf::report {
namespace {

using Lines = std::vector<std::string>;

constexpr std::size_t k_narrowest = 10;

/// Nothing in a cell may move the cursor: control characters and broken UTF-8 become '?'.
std::string harmless(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const Glyph glyph = first_glyph(text);
        const auto lead = static_cast<unsigned char>(glyph.bytes.front());
        const bool control = glyph.bytes.size() == 1 && (lead < 0x20 || lead == 0x7f);
        const bool c1_control = glyph.bytes.size() == 2 && lead == 0xc2 && (glyph.bytes[1] & 0x60) == 0;
        if (!glyph.valid || c1_control || (control && lead != '\n')) {
            out += '?';
        } else {
            out += glyph.bytes;
        }
        text.remove_prefix(glyph.bytes.size());
    }
    return out;
}

void trim_end(std::string& line) {
    line.erase(line.find_last_not_of(' ') + 1);
}

/// Words with the spaces that follow them.
std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> out;
    while (!line.empty()) {
        const std::size_t word_end = std::min(line.find(' '), line.size());
        const std::size_t end = std::min(line.find_first_not_of(' ', word_end), line.size());
        out.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
    return out;
}

/// Appends a word that is wider than a line, cut where each line is full.
void append_cut(std::string_view word, std::size_t width, Lines& out) {
    std::size_t used = display_width(out.back());
    while (!word.empty()) {
        const Glyph glyph = first_glyph(word);
        if (used + glyph.width > width && used != 0) {
            out.emplace_back();
            used = 0;
        }
        out.back() += glyph.bytes;
        used += glyph.width;
        word.remove_prefix(glyph.bytes.size());
    }
}

void wrap_line(std::string_view line, std::size_t width, Lines& out) {
    out.emplace_back();
    for (const std::string_view word : words_of(line)) {
        const std::size_t length = display_width(word.substr(0, word.find_last_not_of(' ') + 1));
        if (!out.back().empty() && display_width(out.back()) + length > width) {
            trim_end(out.back());
            out.emplace_back();
        }
        if (length > width) {
            append_cut(word, width, out);
        } else {
            out.back() += word;
        }
    }
    trim_end(out.back());
}

Lines lines_of(std::string_view cell, std::size_t width) {
    Lines out;
    while (true) {
        const std::size_t cut = cell.find('\n');
        wrap_line(cell.substr(0, cut), width, out);
        if (cut == std::string_view::npos) {
            return out;
        }
        cell.remove_prefix(cut + 1);
    }
}

std::size_t widest_line(const std::string& cell) {
    std::size_t widest = 0;
    for (std::size_t at = 0; at <= cell.size();) {
        const std::size_t end = std::min(cell.find('\n', at), cell.size());
        widest = std::max(widest, display_width(std::string_view(cell).substr(at, end - at)));
        at = end + 1;
    }
    return widest;
}

std::string repeat(std::string_view text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
        out += text;
    }
    return out;
}

class Renderer {
public:
    Renderer(const Table& table, std::size_t width, bool ansi)
        : columns_(table.columns),
          ansi_(ansi) {
        for (const auto& row : table.rows) {
            rows_.emplace_back();
            for (const std::string& cell : row) {
                rows_.back().push_back(harmless(cell));
            }
        }
        measure(width);
    }

    std::string render(const std::string& title) {
        append_title(harmless(title));
        append_rule("┏", "━", "┳", "┓");
        std::vector<std::string> head;
        for (const Column& column : columns_) {
            head.push_back(column.header);
        }
        append_row(head, "┃", true);
        append_rule("┡", "━", "╇", "┩");
        for (const auto& row : rows_) {
            append_row(row, "│", false);
        }
        append_rule("└", "─", "┴", "┘");
        return std::move(out_);
    }

private:
    void measure(std::size_t width) {
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            std::size_t widest = display_width(columns_[i].header);
            for (const auto& row : rows_) {
                widest = std::max(widest, widest_line(row[i]));
            }
            widths_.push_back(widest);
        }
        for (std::size_t i = 0; i < columns_.size() && total() > width; ++i) {
            if (columns_[i].wraps) {
                const std::size_t excess = total() - width;
                widths_[i] = std::max(k_narrowest, widths_[i] - std::min(widths_[i], excess));
            }
        }
    }

    [[nodiscard]] std::size_t total() const {
        std::size_t sum = 1;
        for (const std::size_t width : widths_) {
            sum += width + 3;
        }
        return sum;
    }

    void append_title(const std::string& title) {
        const std::size_t space = total() - std::min(total(), display_width(title));
        out_.append(space / 2, ' ').append(styled(title, "1")).append(space - space / 2, ' ').append("\n");
    }

    void append_rule(const char* left, const char* line, const char* joint, const char* right) {
        const char* before = left;
        for (const std::size_t width : widths_) {
            out_.append(before).append(repeat(line, width + 2));
            before = joint;
        }
        out_.append(right).append("\n");
    }

    void append_row(const std::vector<std::string>& cells, const char* border, bool head) {
        std::vector<Lines> lines;
        std::size_t height = 1;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            lines.push_back(lines_of(cells[i], widths_[i]));
            height = std::max(height, lines.back().size());
        }
        for (std::size_t y = 0; y < height; ++y) {
            for (std::size_t i = 0; i < cells.size(); ++i) {
                const std::string line = y < lines[i].size() ? lines[i][y] : std::string{};
                out_.append(border).append(" ");
                append_cell(line, i, head);
                out_.append(" ");
            }
            out_.append(border).append("\n");
        }
    }

    void append_cell(const std::string& line, std::size_t column, bool head) {
        const std::size_t space = widths_[column] - std::min(widths_[column], display_width(line));
        const bool right = columns_[column].align == Align::right;
        out_.append(right ? space : 0, ' ');
        out_.append(styled(line, head ? "1" : columns_[column].ansi));
        out_.append(right ? 0 : space, ' ');
    }

    [[nodiscard]] std::string styled(const std::string& text, const std::string& codes) const {
        return !ansi_ || codes.empty() || text.empty() ? text : "\x1b[" + codes + "m" + text + "\x1b[0m";
    }

    const std::vector<Column>& columns_;
    std::vector<std::vector<std::string>> rows_;
    std::vector<std::size_t> widths_;
    std::string out_;
    bool ansi_;
};

}  // namespace

std::string render_table(const Table& table, std::size_t width, bool ansi) {
    return Renderer(table, width, ansi).render(table.title);
}

}  // namespace aiperf::report
