#include "machine_facts.hpp"

#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <string>
#include <sys/resource.h>

using namespace aiperf;
using control::MachineFacts;

namespace {

/// A /proc and a /sys of the test's own.
class Root {
public:
    Root() {
        put("proc/self/fd/0", "");
        put("proc/self/fd/1", "");
        put("proc/self/limits",
            "Limit                     Soft Limit           Hard Limit           Units     \n"
            "Max processes             95969                95969                processes \n"
            "Max open files            1024                 524288               files     \n");
        put("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
        put("proc/sys/net/ipv4/tcp_tw_reuse", "2\n");
        put("proc/meminfo", "MemTotal:       24000 kB\nMemFree:         1000 kB\nMemAvailable:   16000 kB\n");
    }

    void put(const std::string& name, const std::string& text) const {
        const auto path = folder_.path() / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }

    [[nodiscard]] MachineFacts read() const { return MachineFacts::read(folder_.path(), folder_.path()); }

private:
    test::TemporaryDirectory folder_;
};

}  // namespace

TEST_CASE("Descriptors, ports and memory are read from /proc") {
    const Root root;
    const MachineFacts facts = root.read();
    CHECK(facts.descriptors_open == 2);
    CHECK(facts.descriptors_soft == 1024);
    CHECK(facts.descriptors_hard == 524288);
    CHECK(facts.ephemeral_ports == 28232);
    CHECK(facts.tcp_tw_reuse == 2);
    CHECK(facts.memory_bytes == 16000 * 1024);
    CHECK_FALSE(facts.memory_is_group);
    CHECK(facts.disk_bytes.value_or(0) > 0);
    CHECK(facts.cores >= 1);
}

TEST_CASE("A control group of version 2 bounds the memory, by what is used and would not be given back") {
    const Root root;
    root.put("proc/self/cgroup", "0::/user/job\n");
    root.put("sys/fs/cgroup/user/job/memory.max", "max\n");
    root.put("sys/fs/cgroup/user/memory.max", "9000000\n");
    root.put("sys/fs/cgroup/user/memory.current", "5000000\n");
    root.put("sys/fs/cgroup/user/memory.stat", "anon 3000000\ninactive_file 1000000\n");
    CHECK(root.read().memory_bytes == 5'000'000);
    CHECK(root.read().memory_is_group);
}

TEST_CASE("The group that leaves least counts, and one that leaves more than the machine does not") {
    const Root root;
    root.put("proc/self/cgroup", "0::/user/job\n");
    for (const auto& [group, limit] : {std::pair("user/", "9000000"), std::pair("user/job/", "8000000")}) {
        root.put(std::string("sys/fs/cgroup/") + group + "memory.max", limit);
        root.put(std::string("sys/fs/cgroup/") + group + "memory.current", "1000000");
    }
    CHECK(root.read().memory_bytes == 7'000'000);
    root.put("proc/meminfo", "MemAvailable:   1000 kB\n");
    CHECK(root.read().memory_bytes == 1'024'000);
    CHECK_FALSE(root.read().memory_is_group);
}

TEST_CASE("A control group of version 1 bounds the memory; its largest number is no bound") {
    const Root root;
    root.put("proc/self/cgroup", "5:cpu,cpuacct:/job\n4:memory:/job\n1:name=systemd:/\n");
    root.put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "3000000\n");
    root.put("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "1000000\n");
    CHECK(root.read().memory_bytes == 2'000'000);
    root.put("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n");
    CHECK(root.read().memory_bytes == 16000 * 1024);
}

TEST_CASE("In a container, whose path is the host's, the mount is the group") {
    const Root root;
    root.put("proc/self/cgroup", "0::/not/here\n");
    root.put("sys/fs/cgroup/memory.max", "4000000\n");
    root.put("sys/fs/cgroup/memory.current", "5000000\n");
    CHECK(root.read().memory_bytes == 0);
}

TEST_CASE("What a system does not say, or says otherwise, is absent") {
    const test::TemporaryDirectory empty;
    const MachineFacts nothing = MachineFacts::read("missing", empty.path());
    CHECK(nothing.descriptors_open == 0);
    CHECK_FALSE(nothing.descriptors_hard);
    CHECK_FALSE(nothing.ephemeral_ports);
    CHECK_FALSE(nothing.memory_bytes);
    CHECK_FALSE(nothing.disk_bytes);
    CHECK(MachineFacts::read(empty.path() / "not" / "yet", empty.path()).disk_bytes);
    const Root root;
    root.put("proc/self/limits", "Max open files            unlimited            unlimited            files     \n");
    root.put("proc/sys/net/ipv4/ip_local_port_range", "60999 32768\n");
    root.put("proc/meminfo", "MemAvailable:   a lot\n");
    root.put("proc/self/cgroup", "nonsense\n0:\n");
    CHECK_FALSE(root.read().descriptors_hard);
    CHECK_FALSE(root.read().ephemeral_ports);
    CHECK_FALSE(root.read().memory_bytes);
}

TEST_CASE("This machine says what it has") {
    const MachineFacts facts = MachineFacts::read(".");
    CHECK(facts.descriptors_open > 0);
    CHECK(facts.memory_bytes);
    CHECK(facts.disk_bytes);
}

TEST_CASE("The soft limit of descriptors rises to what is wanted, at most to the hard one, and never falls") {
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit low = before;
    low.rlim_cur = 100;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    const auto soft = [] {
        rlimit now{};
        ::getrlimit(RLIMIT_NOFILE, &now);
        return now.rlim_cur;
    };
    control::raise_descriptors(50);
    CHECK(soft() == 100);
    control::raise_descriptors(150);
    CHECK(soft() == 150);
    control::raise_descriptors(~std::uint64_t{0});
    CHECK(soft() == before.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &before);
}
