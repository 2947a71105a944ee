#pragma once

#include "aiperf/record/record.hpp"

#include <cstdint>

namespace aiperf::record {

/// A number for the session of a record that no other session of the run has, whatever its phase: the one its
/// correlation id is made from.
[[nodiscard]] inline std::uint64_t session_number(const Record& record) noexcept {
    return std::uint64_t{record.phase} << 32U | record.session;
}

}  // namespace aiperf::record
