#include "aiperf/validity/verdict.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace aiperf::validity {
namespace {

constexpr double k_never = std::numeric_limits<double>::infinity();
constexpr std::array<std::string_view, 3> k_words{"valid", "suspect", "invalid"};

// clang-format off
constexpr std::array<CheckInfo, k_checks> k_table{{
    {Check::loop_busy, "loop_busy_share", "ratio", {0.85, 0.98}, "a worker had hardly a pause: the client may be what limits the load (--workers-max, another machine)"},
    {Check::cpu_wait, "cpu_wait_share", "ratio", {0.05, 0.25}, "a worker was ready to run and had no processor: something else is running on its core"},
    {Check::loop_stall, "loop_stall", "ms", {50.0, 1000.0}, "a worker stood still: what came meanwhile was read late, what was due was sent late"},
    {Check::send_lateness, "send_lateness_p99", "ms", {5.0, 100.0}, "requests left later than planned though a slot was free"},
    {Check::rate_deviation, "rate_deviation", "ratio", {0.01, 0.10}, "sending took longer than planned: the asked rate was not reached"},
    {Check::capped_sends, "capped_share", "ratio", {0.01, 0.50}, "requests were due while every concurrency slot was taken: arrivals are not as planned, see request_latency_from_plan"},
    {Check::unsent, "unsent_share", "ratio", {0.001, 0.10}, "planned requests were never sent"},
    {Check::read_lag, "read_lag_p99", "ms", {5.0, 100.0}, "answers lay in the kernel before they were read: times are too long by so much"},
    {Check::late_reads, "late_read_share", "ratio", {0.01, 0.25}, "answers have content that lay unread for over 5 ms"},
    {Check::coalesced, "coalesced_share", "ratio", {0.50, k_never}, "content was read together with the content before it: times between tokens are times between reads"},
    {Check::own_failures, "own_failure_share", "ratio", {0.0, 0.01}, "connections failed for want of descriptors, ports or memory of this machine, not for the server"},
    {Check::cpu_steal, "cpu_steal_share", "ratio", {0.02, 0.20}, "the host took processor time from this machine"},
    {Check::cpu_throttled, "cpu_throttled_share", "ratio", {0.001, 0.10}, "a CPU quota (cgroup) held the client back"},
    {Check::governor, "governor_powersave", "ratio", {0.5, k_never}, "the frequency governor is powersave: the client is slower than it could be, and unsteady"},
    {Check::clock_step, "clock_step", "ms", {5.0, k_never}, "the wall clock was set during the run: absolute times in the files are off by so much"},
    {Check::memory_pressure, "memory_pressure_share", "ratio", {0.01, 0.10}, "processes waited for memory"},
}};

// clang-format on

constexpr bool in_order() {
    for (std::size_t i = 0; i < k_table.size(); ++i) {
        if (k_table[i].check != static_cast<Check>(i)) {
            return false;
        }
    }
    return true;
}

static_assert(in_order());

std::string figure(double value, std::string_view unit) {
    std::array<char, 48> text{};
    const bool share = unit == "ratio";
    std::snprintf(text.data(), text.size(), share ? "%.4g %%" : "%.4g ms", share ? value * 100.0 : value);
    return text.data();
}

[[noreturn]] void refuse(std::string_view part, const std::string& allowed) {
    throw base::ConfigError("AIPERF_VALIDITY_THRESHOLDS: '" + std::string(part) + "' is not allowed; " + allowed);
}

std::string all_names() {
    std::string names;
    for (const CheckInfo& info : k_table) {
        names.append(names.empty() ? "" : ", ").append(info.name);
    }
    return names;
}

double bound_from(std::string_view text, std::string_view part) {
    if (base::trim(text).empty()) {
        return k_never;
    }
    const std::optional<double> bound = base::parse_number(base::trim(text));
    if (!bound || !(*bound >= 0.0)) {
        refuse(part, "name=suspect:invalid with two numbers of at least 0, or nothing for never");
    }
    return *bound;
}

}  // namespace

std::string_view to_string(Verdict verdict) noexcept {
    return k_words[static_cast<std::size_t>(verdict)];
}

std::optional<Verdict> verdict_from(std::string_view word) noexcept {
    const auto* const found = std::find(k_words.begin(), k_words.end(), word);
    return found == k_words.end() ? std::nullopt : std::optional(static_cast<Verdict>(found - k_words.begin()));
}

std::span<const CheckInfo> checks() noexcept {
    return k_table;
}

Thresholds default_thresholds() noexcept {
    Thresholds thresholds;
    std::transform(k_table.begin(), k_table.end(), thresholds.begin(), [](const CheckInfo& i) { return i.fallback; });
    return thresholds;
}

Thresholds thresholds_from(std::string_view text) {
    Thresholds thresholds = default_thresholds();
    if (base::trim(text).empty()) {
        return thresholds;
    }
    for (const std::string_view part : base::split(text, ',')) {
        const std::size_t equals = part.find('=');
        const std::size_t colon = part.find(':');
        if (equals == std::string_view::npos || colon == std::string_view::npos || colon < equals) {
            refuse(part, "name=suspect:invalid");
        }
        const std::string_view name = base::trim(part.substr(0, equals));
        const auto* const found =
            std::find_if(k_table.begin(), k_table.end(), [&](const CheckInfo& info) { return info.name == name; });
        if (found == k_table.end()) {
            refuse(part, "the names are " + all_names());
        }
        Threshold threshold{bound_from(part.substr(equals + 1, colon - equals - 1), part),
                            bound_from(part.substr(colon + 1), part)};
        if (std::isfinite(threshold.suspect) && threshold.invalid < threshold.suspect) {
            refuse(part, "the second number must not be below the first");
        }
        thresholds[static_cast<std::size_t>(found->check)] = threshold;
    }
    return thresholds;
}

Judgement judge(const Evidence& evidence, const Thresholds& thresholds) {
    Judgement judgement;
    judgement.evidence = evidence;
    judgement.thresholds = thresholds;
    for (const CheckInfo& info : k_table) {
        const std::optional<double>& value = evidence[info.check];
        const Threshold& threshold = thresholds[static_cast<std::size_t>(info.check)];
        if (!value || !(*value > std::min(threshold.suspect, threshold.invalid))) {
            continue;
        }
        const Verdict level = *value > threshold.invalid ? Verdict::invalid : Verdict::suspect;
        const double above = level == Verdict::invalid ? threshold.invalid : threshold.suspect;
        judgement.reasons.push_back({info.check,
                                     level,
                                     *value,
                                     above,
                                     std::string(info.name) + " " + figure(*value, info.unit) + " (above " +
                                         figure(above, info.unit) + "): " + std::string(info.statement)});
        judgement.verdict = std::max(judgement.verdict, level);
    }
    std::stable_sort(judgement.reasons.begin(), judgement.reasons.end(), [](const Reason& a, const Reason& b) {
        return a.level > b.level;
    });
    return judgement;
}

}  // namespace aiperf::validity
