#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/validity/verdict.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <utility>

namespace aiperf::validity {

/// What the system counts about this machine, at one moment. Absent: it does not say.
struct MachineReading {
    base::WallAnchor clocks;                      ///< both clocks at that moment
    std::optional<std::uint64_t> cpu_ticks;       ///< time of all processors
    std::optional<std::uint64_t> steal_ticks;     ///< of it, taken by the host
    std::optional<std::uint64_t> throttled_ns;    ///< time that a quota has held this group of processes back
    std::optional<std::uint64_t> memory_wait_ns;  ///< time that something waited for memory (pressure stall)
    std::optional<bool> powersave;                ///< a processor's governor is powersave
};

/// Reads /proc, /sys and the clocks below `root` ("/" but in tests). Never throws: what cannot be read is absent.
[[nodiscard]] MachineReading read_machine(const std::filesystem::path& root = "/");

/// Follows the machine over the measured part of a run.
///
/// *Thread safety*: none.
class MachineWatch {
public:
    /// Of the machine below `root` ("/" but in tests).
    explicit MachineWatch(std::filesystem::path root = "/")
        : root_(std::move(root)) {}

    /// The measured part begins; a second call does nothing.
    void begin_once();

    /// Looks at the clocks in between: a step is the change of their distance beyond what a clock is slewed by (500
    /// ppm).
    void look() noexcept;

    /// It is over: what was seen goes into `evidence`. Without begin() nothing does.
    void end(Evidence& evidence);

    /// The same for two readings: what changed between them.
    static void compare(const MachineReading& begin, const MachineReading& end, Evidence& evidence);

private:
    std::filesystem::path root_;
    std::optional<MachineReading> begin_;
    base::WallAnchor last_;
    std::int64_t step_ns_ = 0;  // largest
};

/// How far the wall clock was set between two looks: 0 for what slewing explains.
[[nodiscard]] std::int64_t clock_step_ns(const base::WallAnchor& before, const base::WallAnchor& after) noexcept;

}  // namespace aiperf::validity
