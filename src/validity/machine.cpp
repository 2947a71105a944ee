#include "aiperf/validity/machine.hpp"

#include "aiperf/base/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

namespace aiperf::validity {
namespace {

namespace fs = std::filesystem;

/// The whole of a small file; empty where it cannot be read.
std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

/// The number behind "`key` " at the begin of a line.
std::optional<std::uint64_t> number_after(const std::string& text, std::string_view key) {
    for (const std::string_view line : base::split(text, '\n')) {
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
            const std::optional<double> number = base::parse_number(base::trim(line.substr(key.size())));
            return number && *number >= 0 ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
        }
    }
    return std::nullopt;
}

void read_processor_time(const fs::path& root, MachineReading& reading) {
    std::istringstream line(text_of(root / "proc/stat"));
    std::string name;
    line >> name;
    constexpr int k_guest = 8;  // columns from here on are part of earlier ones
    constexpr int k_steal = 7;
    std::uint64_t all = 0;
    std::uint64_t ticks = 0;
    for (int column = 0; column < k_guest && line >> ticks; ++column) {
        all += ticks;
        if (column == k_steal) {
            reading.steal_ticks = ticks;
            reading.cpu_ticks = all;
        }
    }
}

/// The folder of this process's control group for processor time: version 2, or the cpu controller of version 1.
fs::path cpu_group(const fs::path& root, bool& is_v2) {
    const std::string groups = text_of(root / "proc/self/cgroup");
    for (const std::string_view line : base::split(groups, '\n')) {
        const auto parts = base::split(line, ':');
        if (parts.size() < 3) {
            continue;
        }
        const std::string path(parts[2].substr(std::min<std::size_t>(1, parts[2].size())));
        const auto controllers = base::split(parts[1], ',');
        if (std::find(controllers.begin(), controllers.end(), "cpu") != controllers.end()) {
            is_v2 = false;
            for (const char* mount : {"sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup/cpu"}) {
                // Within a container the path is the host's: there the mount itself is the group.
                for (const fs::path& folder : {root / mount / path, root / mount}) {
                    if (fs::exists(folder / "cpu.stat")) {
                        return folder;
                    }
                }
            }
        } else if (parts[1].empty() && fs::exists(root / "sys/fs/cgroup" / path / "cpu.stat")) {
            is_v2 = true;
            return root / "sys/fs/cgroup" / path;
        }
    }
    return {};
}

void read_throttling(const fs::path& root, MachineReading& reading) {
    bool is_v2 = false;
    const fs::path folder = cpu_group(root, is_v2);
    if (folder.empty()) {
        return;
    }
    constexpr std::uint64_t k_ns_per_us = 1000;
    const std::string text = text_of(folder / "cpu.stat");
    const auto time = number_after(text, is_v2 ? "throttled_usec" : "throttled_time");
    if (time) {
        reading.throttled_ns = *time * (is_v2 ? k_ns_per_us : 1);
    }
}

void read_memory_pressure(const fs::path& root, MachineReading& reading) {
    const std::string text = text_of(root / "proc/pressure/memory");
    constexpr std::string_view k_total = "total=";
    const std::size_t at = text.find(k_total);  // of the first line: "some"
    if (at != std::string::npos) {
        reading.memory_wait_ns = std::strtoull(text.c_str() + at + k_total.size(), nullptr, 10) * 1000;
    }
}

void read_governor(const fs::path& root, MachineReading& reading) {
    std::error_code error;
    for (const auto& processor : fs::directory_iterator(root / "sys/devices/system/cpu", error)) {
        const std::string governor = text_of(processor.path() / "cpufreq/scaling_governor");
        if (!governor.empty()) {
            reading.powersave = reading.powersave.value_or(false) || governor.starts_with("powersave");
        }
    }
}

/// Growth of a counter; absent where one side is, or where it has gone back.
std::optional<double> growth(const std::optional<std::uint64_t>& from, const std::optional<std::uint64_t>& to) {
    return from && to && *to >= *from ? std::optional(static_cast<double>(*to - *from)) : std::nullopt;
}

std::optional<double> share(std::optional<double> part, std::optional<double> whole) {
    return part && whole && *whole > 0 ? std::optional(*part / *whole) : std::nullopt;
}

}  // namespace

MachineReading read_machine(const std::filesystem::path& root) {
    MachineReading reading;
    reading.clocks = base::WallAnchor::take();
    try {
        read_processor_time(root, reading);
        read_throttling(root, reading);
        read_memory_pressure(root, reading);
        read_governor(root, reading);
    } catch (const std::exception&) {  // what was read counts
    }
    return reading;
}

std::int64_t clock_step_ns(const base::WallAnchor& before, const base::WallAnchor& after) noexcept {
    constexpr std::int64_t k_slewed_share = 2000;      // 1 / 500 ppm
    constexpr std::int64_t k_unsharpness = 1'000'000;  // of two readings, each between two ticks of a busy machine
    const std::int64_t elapsed = base::elapsed_ns(before.monotonic_ns, after.monotonic_ns);
    const std::int64_t drift = base::elapsed_ns(before.wall_ns, after.wall_ns) - elapsed;
    return std::max<std::int64_t>(0, std::abs(drift) - elapsed / k_slewed_share - k_unsharpness);
}

void MachineWatch::begin_once() {
    if (!begin_) {
        begin_ = read_machine(root_);
        last_ = begin_->clocks;
    }
}

void MachineWatch::look() noexcept {
    if (begin_) {
        const base::WallAnchor now = base::WallAnchor::take();
        step_ns_ = std::max(step_ns_, clock_step_ns(last_, now));
        last_ = now;
    }
}

void MachineWatch::end(Evidence& evidence) {
    if (!begin_) {
        return;
    }
    look();
    compare(*begin_, read_machine(root_), evidence);
    evidence[Check::clock_step] = static_cast<double>(step_ns_) * 1e-6;
}

void MachineWatch::compare(const MachineReading& begin, const MachineReading& end, Evidence& evidence) {
    const auto elapsed = static_cast<double>(base::elapsed_ns(begin.clocks.monotonic_ns, end.clocks.monotonic_ns));
    evidence[Check::cpu_steal] =
        share(growth(begin.steal_ticks, end.steal_ticks), growth(begin.cpu_ticks, end.cpu_ticks));
    evidence[Check::cpu_throttled] = share(growth(begin.throttled_ns, end.throttled_ns), elapsed);
    evidence[Check::memory_pressure] = share(growth(begin.memory_wait_ns, end.memory_wait_ns), elapsed);
    if (end.powersave) {
        evidence[Check::governor] = *end.powersave ? 1.0 : 0.0;
    }
}

}  // namespace aiperf::validity
