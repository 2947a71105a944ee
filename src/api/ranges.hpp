#pragma once

#include <cstdint>
#include <string_view>

namespace aiperf::api {

/// Bytes of a content that lie side by side.
struct ByteRange {
    std::uint64_t first = 0;
    std::uint64_t count = 0;

    friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// What a Range header asks for.
struct RangeAsked {
    enum class Kind : std::uint8_t { whole, part, unsatisfiable };

    Kind kind = Kind::whole;
    ByteRange part{};  ///< of Kind::part

    friend bool operator==(const RangeAsked&, const RangeAsked&) = default;
};

/// Reads the value of a Range header (RFC 9110, section 14.2) for a content of `size` bytes. One range of bytes is
/// given; none, several, other units and what is no range at all ask for the whole.
[[nodiscard]] RangeAsked range_of(std::string_view header, std::uint64_t size);

}  // namespace aiperf::api
