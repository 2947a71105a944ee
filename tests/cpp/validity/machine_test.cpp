#include "aiperf/validity/machine.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

using namespace aiperf;
using namespace aiperf::validity;

namespace {

/// A machine made of files.
class FakeMachine {
public:
    FakeMachine()
        : root_(std::filesystem::temp_directory_path() / ("aiperf-machine-" + std::to_string(::getpid()))) {
        std::filesystem::remove_all(root_);
    }

    ~FakeMachine() { std::filesystem::remove_all(root_); }

    FakeMachine(const FakeMachine&) = delete;
    FakeMachine& operator=(const FakeMachine&) = delete;

    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }

    [[nodiscard]] MachineReading read() const { return read_machine(root_); }

private:
    std::filesystem::path root_;
};

}  // namespace

TEST_CASE("of a machine that says nothing nothing is known") {
    const FakeMachine machine;
    const MachineReading reading = machine.read();
    CHECK_FALSE(reading.cpu_ticks);
    CHECK_FALSE(reading.throttled_ns);
    CHECK_FALSE(reading.memory_wait_ns);
    CHECK_FALSE(reading.powersave);
    Evidence evidence;
    MachineWatch::compare(reading, machine.read(), evidence);
    CHECK_FALSE(evidence[Check::cpu_steal]);
    CHECK_FALSE(evidence[Check::governor]);
}

TEST_CASE("steal is the host's share of all processor time, guests not counted twice") {
    const FakeMachine machine;
    machine.write("proc/stat", "cpu  100 0 100 700 50 0 25 25 99 99\ncpu0 1 2 3 4 5 6 7 8 9 10\n");
    MachineReading before = machine.read();
    CHECK(before.cpu_ticks == 1000);
    CHECK(before.steal_ticks == 25);
    machine.write("proc/stat", "cpu  150 0 150 750 50 0 25 75 99 99\n");
    Evidence evidence;
    MachineWatch::compare(before, machine.read(), evidence);
    CHECK(evidence[Check::cpu_steal] == Approx(0.25));
}

TEST_CASE("throttled time is read from either version of control groups") {
    const FakeMachine machine;
    SECTION("version 2") {
        machine.write("proc/self/cgroup", "0::/job/one\n");
        machine.write("sys/fs/cgroup/job/one/cpu.stat", "usage_usec 5\nnr_throttled 3\nthrottled_usec 250\n");
        CHECK(machine.read().throttled_ns == 250'000);
    }
    SECTION("version 1") {
        machine.write("proc/self/cgroup", "3:memory:/x\n2:cpu,cpuacct:/job\n");
        machine.write("sys/fs/cgroup/cpu,cpuacct/job/cpu.stat", "nr_periods 9\nnr_throttled 3\nthrottled_time 777\n");
        CHECK(machine.read().throttled_ns == 777);
    }
    SECTION("version 1 within a container, where the path is the host's") {
        machine.write("proc/self/cgroup", "2:cpu,cpuacct:/docker/abc\n");
        machine.write("sys/fs/cgroup/cpu/cpu.stat", "throttled_time 42\n");
        CHECK(machine.read().throttled_ns == 42);
    }
    SECTION("a group that nobody limits") {
        machine.write("proc/self/cgroup", "0::/\n");
        machine.write("sys/fs/cgroup/cpu.stat", "usage_usec 5\n");
        CHECK_FALSE(machine.read().throttled_ns);
    }
}

TEST_CASE("time without memory is the pressure file's, and a governor that saves power is seen on any processor") {
    const FakeMachine machine;
    machine.write(
        "proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=99\n");
    machine.write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
    CHECK(machine.read().memory_wait_ns == 1'234'000);
    CHECK(machine.read().powersave == false);
    machine.write("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "powersave\n");
    CHECK(machine.read().powersave == true);
}

TEST_CASE("counters that went back say nothing") {
    const FakeMachine machine;
    machine.write("proc/pressure/memory", "some total=1000\n");
    const MachineReading before = machine.read();
    machine.write("proc/pressure/memory", "some total=10\n");
    Evidence evidence;
    MachineWatch::compare(before, machine.read(), evidence);
    CHECK_FALSE(evidence[Check::memory_pressure]);
}

TEST_CASE("a step of the wall clock is what slewing does not explain") {
    const base::WallAnchor before{1'000'000'000, 5'000'000'000};
    constexpr std::int64_t k_second = 1'000'000'000;
    CHECK(clock_step_ns(before, {2 * k_second, 6 * k_second}) == 0);
    CHECK(clock_step_ns(before, {2 * k_second, 6 * k_second + 400'000}) == 0);  // 400 ppm: slewed
    CHECK(clock_step_ns(before, {2 * k_second, 9 * k_second}) == Approx(3e9).epsilon(0.001));
    CHECK(clock_step_ns(before, {2 * k_second, 4 * k_second}) == Approx(2e9).epsilon(0.001));
}

TEST_CASE("this machine's own counters are read, and grow") {
    Evidence evidence;
    MachineWatch watch;
    watch.end(evidence);
    CHECK_FALSE(evidence[Check::clock_step]);  // nothing before its begin
    watch.begin_once();
    watch.look();
    watch.end(evidence);
    REQUIRE(evidence[Check::clock_step]);
    CHECK(*evidence[Check::clock_step] < 1000.0);
    REQUIRE(read_machine().cpu_ticks);
    CHECK(*read_machine().cpu_ticks > 0);
}
