#pragma once

#include "aiperf/record/record.hpp"

#include <cstdint>
#include <type_traits>

namespace aiperf::record {

/// File format of a journal, version 1; docs/records.md is its description. Bump k_version with any change of Record,
/// Event or the header, and keep reading old ones or refuse them by number.
inline constexpr std::uint32_t k_version = 1;
inline constexpr char k_magic[8] = {'A', 'I', 'P', 'E', 'R', 'F', 'J', '\n'};  ///< how every file of a journal begins
inline constexpr std::uint32_t k_endian_mark = 0x01020304;                     ///< as the writer's byte order has it
inline constexpr std::size_t k_max_phases = 16;                                ///< of one run
inline constexpr std::size_t k_header_bytes = 4096;     ///< of the records file; slots begin behind it
inline constexpr std::size_t k_side_header_bytes = 64;  ///< of events and text files: zeros but for the magic

/// One phase in the file header.
struct PhaseHeader {
    char name[32] = {};            ///< ends with a zero
    std::uint64_t profiling = 0;   ///< 0 or 1
    std::uint64_t first_slot = 0;  ///< as PhaseInfo
    std::int64_t start_ns = 0;     ///< as PhaseInfo
    std::int64_t end_ns = 0;       ///< as PhaseInfo
};

/// The first bytes of the records file.
struct FileHeader {
    char magic[8] = {};                    ///< k_magic
    std::uint32_t version = 0;             ///< k_version
    std::uint32_t endian_mark = 0;         ///< k_endian_mark, in the writer's byte order
    std::uint32_t header_bytes = 0;        ///< k_header_bytes
    std::uint32_t record_bytes = 0;        ///< of one Record
    std::uint32_t event_bytes = 0;         ///< of one Event
    std::uint32_t workers = 0;             ///< how many events and text files there are
    std::uint64_t schema_hash = 0;         ///< of the field table (record/fields.hpp)
    std::uint64_t run_key = 0;             ///< as RunInfo
    std::uint64_t seed = 0;                ///< as RunInfo
    std::int64_t anchor_monotonic_ns = 0;  ///< CLOCK_MONOTONIC at one instant
    std::int64_t anchor_wall_ns = 0;       ///< Unix epoch at the same instant
    std::uint64_t finished = 0;            ///< 1 once the run closed it in good order
    std::uint64_t slots = 0;               ///< slots in use; trusted only where finished
    std::uint32_t phase_count = 0;         ///< phases in use
    std::uint32_t reserved = 0;            ///< 0
    PhaseHeader phases[k_max_phases];      ///< in the order they began
};

static_assert(sizeof(FileHeader) <= k_header_bytes);
static_assert(std::is_trivially_copyable_v<FileHeader>);

/// Hash over what the bytes of a record and an event mean; differs whenever a reader of another build would misread
/// them.
[[nodiscard]] std::uint64_t schema_hash() noexcept;

}  // namespace aiperf::record
