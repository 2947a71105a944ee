#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::process {

/// The last lines of a stream of text, bounded in number and in length: a child may write what it likes.
/// *Thread safety*: none.
class LineTail {
public:
    /// Keeps `max_lines` lines; of a longer line its first `max_line_bytes` bytes.
    explicit LineTail(std::size_t max_lines = 20, std::size_t max_line_bytes = 500)
        : max_lines_(max_lines),
          max_line_bytes_(max_line_bytes) {}

    /// Takes bytes as they come, cut anywhere.
    void append(std::string_view bytes);

    /// Oldest first; an unfinished last line counts. Empty lines are left out, control characters shown as '?'.
    [[nodiscard]] std::vector<std::string> lines() const;

private:
    void add_to_open_line(std::string_view bytes);
    void end_line();

    std::size_t max_lines_;
    std::size_t max_line_bytes_;
    std::deque<std::string> lines_;
    std::string open_line_;
};

}  // namespace aiperf::process
