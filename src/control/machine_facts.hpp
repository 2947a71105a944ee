#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace aiperf::control {

/// What a machine lets a run have, at one moment. Absent: the system does not say, or there is no bound.
struct MachineFacts {
    std::uint64_t descriptors_open = 0;  ///< of this process
    std::optional<std::uint64_t> descriptors_soft;
    std::optional<std::uint64_t> descriptors_hard;
    std::optional<std::uint64_t> ephemeral_ports;  ///< local ports a connection may be given
    int tcp_tw_reuse = 0;  ///< 0 = no; 1 = ports in TIME_WAIT are used again after 1 s; 2 = on loopback
    std::optional<std::uint64_t> memory_bytes;  ///< free: MemAvailable, or less where a control group leaves less
    bool memory_is_group = false;               ///< the control group is what bounds it
    std::optional<std::uint64_t> disk_bytes;    ///< free where the journal goes
    std::uint32_t cores = 1;                    ///< this process may run on

    /// Reads them from `root`/proc and `root`/sys; the disk (of the directory, or of what is to hold it)
    /// and the cores from the system.
    [[nodiscard]] static MachineFacts read(const std::filesystem::path& journal_directory,
                                           const std::filesystem::path& root = "/");
};

/// Raises this process's soft limit of descriptors to `wanted`, at most to the hard one. It never falls.
void raise_descriptors(std::uint64_t wanted) noexcept;

}  // namespace aiperf::control
