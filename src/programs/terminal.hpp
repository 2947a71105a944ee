#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::programs {

/// The one writer of stderr: lines that stay, and below them a display that is drawn anew in place. Nothing of the
/// terminal's state is changed, so nothing has to be put back but the display itself: the destructor takes it away.
///
/// *Thread safety*: all calls from any thread.
class Terminal {
public:
    using Write = std::function<void(std::string_view)>;

    explicit Terminal(Write write);
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    /// Writes one line above the display. A newline is added where there is none.
    void print(std::string_view line);

    /// Replaces the display. Lines must not be longer than the terminal is wide.
    void draw(const std::vector<std::string>& lines);

    /// Takes the display away.
    void clear();

    /// Writes to standard error; what cannot be written is dropped.
    static void write_to_stderr(std::string_view text) noexcept;

    /// True where standard error is a terminal that can redraw.
    [[nodiscard]] static bool is_live() noexcept;

    /// Columns of the terminal behind a descriptor; `fallback` where it is none.
    [[nodiscard]] static std::size_t width(int descriptor, std::size_t fallback) noexcept;

private:
    [[nodiscard]] std::string erase() const;
    [[nodiscard]] std::string display() const;

    std::mutex mutex_;
    Write write_;
    std::vector<std::string> lines_;
};

}  // namespace aiperf::programs
