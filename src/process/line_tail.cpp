#include "aiperf/process/line_tail.hpp"

#include <algorithm>
#include <utility>

namespace aiperf::process {

void LineTail::add_to_open_line(std::string_view bytes) {
    for (const char c : bytes.substr(0, max_line_bytes_ - open_line_.size())) {
        const auto byte = static_cast<unsigned char>(c);
        const bool shown = byte >= 0x20 && byte != 0x7f;
        open_line_.push_back(shown || c == '\t' ? c : '?');
    }
}

void LineTail::end_line() {
    std::string line = std::exchange(open_line_, {});
    if (line.empty() || max_lines_ == 0) {
        return;
    }
    if (lines_.size() == max_lines_) {
        lines_.pop_front();
    }
    lines_.push_back(std::move(line));
}

void LineTail::append(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        add_to_open_line(bytes.substr(0, end));
        if (end == std::string_view::npos) {
            return;
        }
        end_line();
        bytes.remove_prefix(end + 1);
    }
}

std::vector<std::string> LineTail::lines() const {
    std::vector<std::string> all(lines_.begin(), lines_.end());
    if (!open_line_.empty() && max_lines_ > 0) {
        if (all.size() == max_lines_) {
            all.erase(all.begin());
        }
        all.push_back(open_line_);
    }
    return all;
}

}  // namespace aiperf::process
