#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aiperf::http {

/// The value of each character as a hexadecimal digit; -1: it is none.
inline constexpr std::array<std::int8_t, 256> k_hex_digits = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::int8_t i = 0; i < 16; ++i) {
        values[static_cast<unsigned char>("0123456789abcdef"[i])] = i;
        values[static_cast<unsigned char>("0123456789ABCDEF"[i])] = i;
    }
    return values;
}();

/// The value of a hexadecimal digit; -1: it is none.
[[nodiscard]] inline int hex_value(char c) noexcept {
    return int{k_hex_digits[static_cast<unsigned char>(c)]};
}

/// The line before a chunk's body.
struct ChunkSize {
    std::size_t bytes = 0;  ///< of the line, with its end; 0: there is no such line
    std::size_t size = 0;   ///< of the body, at least 1
};

/// The size line at the beginning of `line` where it lies whole there, is plain (no extension, at most seven digits)
/// and announces a body.
[[nodiscard]] inline ChunkSize chunk_size(std::string_view line) noexcept {
    constexpr std::size_t k_most_digits = 7;
    std::size_t size = 0;
    for (std::size_t at = 0; at < line.size() && at <= k_most_digits; ++at) {
        const int digit = hex_value(line[at]);
        if (digit < 0) {
            const bool ends = size > 0 && line.size() - at >= 2 && line[at] == '\r' && line[at + 1] == '\n';
            return ends ? ChunkSize{at + 2, size} : ChunkSize{};
        }
        size = size * 16 + static_cast<std::size_t>(digit);
    }
    return {};
}

}  // namespace aiperf::http
