#include "machine_facts.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sched.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <system_error>
#include <vector>

namespace aiperf::control {

namespace {

using Path = std::filesystem::path;
using Amount = std::optional<std::uint64_t>;

constexpr std::uint64_t k_bytes_per_kilobyte = 1024;
constexpr std::uint64_t k_no_limit = 1ULL << 60U;  // what version 1 of control groups says where there is none

std::string text_of(const Path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream in(line);
    return {std::istream_iterator<std::string>(in), {}};
}

Amount number(std::string_view word) {
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(word.data(), word.data() + word.size(), value);
    return failure == std::errc{} && end == word.data() + word.size() ? Amount(value) : std::nullopt;
}

/// The only word of a file, as a number; absent for "max".
Amount number_in(const Path& path) {
    const std::vector<std::string> words = words_of(text_of(path));
    return words.size() == 1 ? number(words.front()) : std::nullopt;
}

/// The words of the line that starts with `name`, behind it.
std::vector<std::string> line_of(const std::string& text, const std::string& name) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.compare(0, name.size(), name) == 0) {
            return words_of(line.substr(name.size()));
        }
    }
    return {};
}

void read_descriptors(MachineFacts& facts, const Path& proc) {
    std::error_code failure;
    const std::filesystem::directory_iterator open(proc / "self/fd", failure);
    facts.descriptors_open = failure ? 0 : static_cast<std::uint64_t>(std::distance(begin(open), end(open)));
    const std::vector<std::string> limits = line_of(text_of(proc / "self/limits"), "Max open files");
    if (limits.size() >= 2) {
        facts.descriptors_soft = number(limits[0]);
        facts.descriptors_hard = number(limits[1]);
    }
}

void read_ports(MachineFacts& facts, const Path& ipv4) {
    const std::vector<std::string> range = words_of(text_of(ipv4 / "ip_local_port_range"));
    const Amount first = range.size() == 2 ? number(range[0]) : std::nullopt;
    const Amount last = range.size() == 2 ? number(range[1]) : std::nullopt;
    if (first && last && *first <= *last) {
        facts.ephemeral_ports = *last - *first + 1;
    }
    facts.tcp_tw_reuse = static_cast<int>(number_in(ipv4 / "tcp_tw_reuse").value_or(0));
}

/// Files of one version of control groups.
struct GroupFiles {
    const char* limit;
    const char* usage;
    const char* pages;  ///< in memory.stat: what the system would give back
};

constexpr GroupFiles k_version_1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};
constexpr GroupFiles k_version_2{"memory.max", "memory.current", "inactive_file"};

Amount free_in(const Path& group, const GroupFiles& files) {
    const Amount limit = number_in(group / files.limit);
    const Amount usage = number_in(group / files.usage);
    if (!limit || !usage || *limit >= k_no_limit) {
        return std::nullopt;
    }
    const std::vector<std::string> pages = line_of(text_of(group / "memory.stat"), files.pages);
    const std::uint64_t returned = pages.empty() ? 0 : number(pages.front()).value_or(0);
    const std::uint64_t used = *usage - std::min(*usage, returned);
    return *limit - std::min(*limit, used);
}

/// The least that `group` below `mount` or any group around it has left. In a container the path may be that of the
/// host; the mount is then the group.
Amount free_around(const Path& mount, const Path& group, const GroupFiles& files) {
    Amount least = free_in(mount, files);
    Path at = mount;
    for (const Path& part : group.relative_path()) {
        at /= part;
        if (const Amount here = free_in(at, files)) {
            least = std::min(least.value_or(*here), *here);
        }
    }
    return least;
}

Amount free_of_group(const Path& root) {
    std::istringstream lines(text_of(root / "proc/self/cgroup"));
    Amount least;
    for (std::string line; std::getline(lines, line);) {  // "number:controllers:path"
        const std::size_t first = line.find(':');
        const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
        if (second == std::string::npos) {
            continue;
        }
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const Path group = line.substr(second + 1);
        Amount here;
        if (controllers == ",,") {
            here = free_around(root / "sys/fs/cgroup", group, k_version_2);
        } else if (controllers.find(",memory,") != std::string::npos) {
            here = free_around(root / "sys/fs/cgroup/memory", group, k_version_1);
        }
        if (here) {
            least = std::min(least.value_or(*here), *here);
        }
    }
    return least;
}

void read_memory(MachineFacts& facts, const Path& root) {
    const std::vector<std::string> available = line_of(text_of(root / "proc/meminfo"), "MemAvailable:");
    if (!available.empty()) {
        if (const Amount kilobytes = number(available.front())) {
            facts.memory_bytes = *kilobytes * k_bytes_per_kilobyte;
        }
    }
    const Amount group = free_of_group(root);
    if (group && (!facts.memory_bytes || *group < *facts.memory_bytes)) {
        facts.memory_bytes = group;
        facts.memory_is_group = true;
    }
}

/// A path as far as it is there.
Path existing_part(Path path) {
    std::error_code ignored;
    while (!std::filesystem::exists(path, ignored) && path.has_relative_path()) {
        path = path.parent_path();
    }
    return path;
}

}  // namespace

MachineFacts MachineFacts::read(const Path& journal_directory, const Path& root) {
    MachineFacts facts;
    read_descriptors(facts, root / "proc");
    read_ports(facts, root / "proc/sys/net/ipv4");
    read_memory(facts, root);
    std::error_code failure;
    const std::filesystem::space_info space = std::filesystem::space(existing_part(journal_directory), failure);
    if (!failure) {
        facts.disk_bytes = space.available;
    }
    cpu_set_t cores;
    if (::sched_getaffinity(0, sizeof(cores), &cores) == 0) {
        facts.cores = static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&cores)));
    }
    return facts;
}

void raise_descriptors(std::uint64_t wanted) noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || wanted <= limit.rlim_cur) {
        return;
    }
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace aiperf::control
