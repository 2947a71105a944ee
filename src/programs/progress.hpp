#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/config/run_config.hpp"
#include "aiperf/control/run.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::programs {

class Terminal;

/// The live display of a snapshot: two or three lines of at most `width` characters.
[[nodiscard]] std::vector<std::string> render(const control::Snapshot& snapshot, std::size_t width);

/// A snapshot in one line, for pipes and logs.
[[nodiscard]] std::string plain_line(const control::Snapshot& snapshot);

enum class ProgressMode : std::uint8_t { silent, lines, live };

/// `dashboard` and `automatic` are live where the terminal can redraw, else lines.
[[nodiscard]] ProgressMode progress_mode(config::UiType ui, bool can_redraw) noexcept;

/// Shows a run as it goes. *Thread safety*: none; `terminal` must outlive it.
class Progress {
public:
    Progress(ProgressMode mode, Terminal& terminal);

    /// Call often; shows something five times a second (live), or every five seconds and when the phase changes
    /// (lines). `width` is the terminal's.
    void show(const control::Snapshot& snapshot, base::Instant now, std::size_t width);

    /// Leaves the terminal to somebody else, with a line of the state that stays in place of the display.
    void pause(const control::Snapshot& snapshot);

    /// The next show() shows at once.
    void resume() noexcept { shown_at_.reset(); }

    /// Shows the last state for good.
    void finish(const control::Snapshot& snapshot);

private:
    [[nodiscard]] bool due(const control::Snapshot& snapshot, base::Instant now) const;

    ProgressMode mode_;
    Terminal& terminal_;
    std::optional<base::Instant> shown_at_;
    std::string phase_;
};

}  // namespace aiperf::programs
