#include "progress.hpp"

#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace aiperf::programs {

namespace {

using namespace std::chrono_literals;

constexpr base::Nanoseconds k_live_interval = 200ms;
constexpr base::Nanoseconds k_line_interval = 5s;
constexpr std::size_t k_widest_bar = 40;

bool sends_requests(const control::Snapshot& snapshot) {
    return snapshot.phase == "warmup" || snapshot.phase == "profiling";
}

/// How much of the phase is done, 0 to 1; absent where there is nothing to measure it by.
std::optional<double> done_share(const control::Snapshot& snapshot) {
    std::optional<double> share;
    const auto consider = [&](double done, double asked) {
        if (asked > 0) {
            share = std::max(share.value_or(0.0), std::clamp(done / asked, 0.0, 1.0));
        }
    };
    if (snapshot.requests_asked) {
        consider(static_cast<double>(snapshot.completed), static_cast<double>(*snapshot.requests_asked));
    }
    if (snapshot.duration_asked_s) {
        consider(snapshot.elapsed_s, *snapshot.duration_asked_s);
    }
    return share;
}

std::string seconds_text(double seconds) {
    if (seconds < 60) {
        return fmt::format("{:.1f} s", seconds);
    }
    const auto whole = static_cast<std::int64_t>(std::llround(seconds));
    return whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                        : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

/// "450/1000 requests", "450 requests, 12.0 s of 60.0 s".
std::string amount(const control::Snapshot& snapshot) {
    std::string text = snapshot.requests_asked
                           ? fmt::format("{}/{} requests", snapshot.completed, *snapshot.requests_asked)
                           : fmt::format("{} requests", snapshot.completed);
    text += ", " + seconds_text(snapshot.elapsed_s);
    if (snapshot.duration_asked_s) {
        text += " of " + seconds_text(*snapshot.duration_asked_s);
    }
    return text;
}

std::string rates(const control::Snapshot& snapshot) {
    std::string text = fmt::format("{:.1f} req/s, {} in flight, {} {}",
                                   snapshot.requests_per_second,
                                   snapshot.in_flight,
                                   snapshot.errors,
                                   snapshot.errors == 1 ? "error" : "errors");
    if (snapshot.retries > 0) {
        text += fmt::format(", {} sent anew", snapshot.retries);
    }
    if (snapshot.eta_s) {
        text += ", ETA " + seconds_text(*snapshot.eta_s);
    }
    return text;
}

std::string percentiles(const char* name, const control::LivePercentiles& values) {
    std::string text;
    if (values.p50_ms) {
        text += fmt::format(" p50 {:.2f} ms", *values.p50_ms);
    }
    if (values.p99_ms) {
        text += fmt::format(" p99 {:.2f} ms", *values.p99_ms);
    }
    return text.empty() ? text : name + text;
}

/// "TTFT p50 12.30 ms p99 40.00 ms, ITL …"; "" before the first token.
std::string latencies(const control::Snapshot& snapshot) {
    std::string text = percentiles("TTFT", snapshot.time_to_first_token);
    const std::string itl = percentiles("ITL", snapshot.inter_token_latency);
    if (!text.empty() && !itl.empty()) {
        text += ", ";
    }
    return text + itl;
}

std::string bar(double share, std::size_t width) {
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
    return "[" + std::string(filled, '=') + std::string(width - filled, ' ') + "]";
}

std::string head(const control::Snapshot& snapshot, std::size_t width) {
    const auto share = done_share(snapshot);
    if (!share) {
        return snapshot.phase + "  " + amount(snapshot);
    }
    const std::string end = fmt::format(" {:3.0f} %  {}", std::floor(*share * 100), amount(snapshot));
    const std::size_t taken = snapshot.phase.size() + 1 + end.size() + 2;
    const std::size_t room = width > taken ? width - taken : 0;
    if (room < 5) {
        return snapshot.phase + end;
    }
    return snapshot.phase + " " + bar(*share, std::min(room, k_widest_bar)) + end;
}

}  // namespace

std::vector<std::string> render(const control::Snapshot& snapshot, std::size_t width) {
    if (!sends_requests(snapshot)) {
        return {snapshot.phase.substr(0, width)};
    }
    std::vector<std::string> lines{head(snapshot, width), "  " + rates(snapshot)};
    if (const std::string line = latencies(snapshot); !line.empty()) {
        lines.push_back("  " + line);
    }
    for (std::string& line : lines) {
        line.resize(std::min(line.size(), width));
    }
    return lines;
}

std::string plain_line(const control::Snapshot& snapshot) {
    if (!sends_requests(snapshot)) {
        return snapshot.phase;
    }
    std::string line = snapshot.phase + ": " + amount(snapshot) + ", " + rates(snapshot);
    if (const std::string text = latencies(snapshot); !text.empty()) {
        line += ", " + text;
    }
    return line;
}

ProgressMode progress_mode(config::UiType ui, bool can_redraw) noexcept {
    switch (ui) {
        case config::UiType::none: return ProgressMode::silent;
        case config::UiType::simple: return ProgressMode::lines;
        case config::UiType::automatic:
        case config::UiType::dashboard: break;
    }
    return can_redraw ? ProgressMode::live : ProgressMode::lines;
}

Progress::Progress(ProgressMode mode, Terminal& terminal)
    : mode_(mode),
      terminal_(terminal) {}

bool Progress::due(const control::Snapshot& snapshot, base::Instant now) const {
    const auto interval = mode_ == ProgressMode::live ? k_live_interval : k_line_interval;
    return !shown_at_ || snapshot.phase != phase_ || now - *shown_at_ >= interval;
}

void Progress::show(const control::Snapshot& snapshot, base::Instant now, std::size_t width) {
    if (mode_ == ProgressMode::silent || !due(snapshot, now)) {
        return;
    }
    if (mode_ == ProgressMode::live) {
        terminal_.draw(render(snapshot, width));
    } else {
        terminal_.print(plain_line(snapshot));
    }
    shown_at_ = now;
    phase_ = snapshot.phase;
}

void Progress::pause(const control::Snapshot& snapshot) {
    if (mode_ == ProgressMode::live) {
        finish(snapshot);
    }
}

void Progress::finish(const control::Snapshot& snapshot) {
    terminal_.clear();
    if (mode_ != ProgressMode::silent && sends_requests(snapshot)) {
        terminal_.print(plain_line(snapshot));
    }
}

}  // namespace aiperf::programs
