#include "terminal.hpp"

#include <cerrno>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace aiperf::programs {

Terminal::Terminal(Write write)
    : write_(std::move(write)) {}

Terminal::~Terminal() {
    clear();
}

void Terminal::print(std::string_view line) {
    const std::lock_guard lock(mutex_);
    std::string text = erase();
    text += line;
    if (!line.ends_with('\n')) {
        text += '\n';
    }
    write_(text + display());
}

void Terminal::draw(const std::vector<std::string>& lines) {
    const std::lock_guard lock(mutex_);
    const std::string text = erase();
    lines_ = lines;
    write_(text + display());
}

void Terminal::clear() {
    const std::lock_guard lock(mutex_);
    const std::string text = erase();
    lines_.clear();
    if (!text.empty()) {
        write_(text);
    }
}

std::string Terminal::erase() const {
    if (lines_.empty()) {
        return {};
    }
    // Up to the display's first line, then clear to the end of the screen.
    return "\r\x1b[" + std::to_string(lines_.size()) + "A\x1b[J";
}

std::string Terminal::display() const {
    std::string text;
    for (const std::string& line : lines_) {
        text += line + "\n";
    }
    return text;
}

void Terminal::write_to_stderr(std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return;
        }
        text.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
}

bool Terminal::is_live() noexcept {
    const char* const kind = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

std::size_t Terminal::width(int descriptor, std::size_t fallback) noexcept {
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return fallback;
    }
    return size.ws_col;
}

}  // namespace aiperf::programs
