#include "aiperf/report/table.hpp"
#include "glyphs.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace aiperf::report {
namespace {

struct Range {
    char32_t first;
    char32_t last;
};

// Blocks of the Unicode standard, coarse on purpose: what tables of ours may meet.
constexpr std::array k_zero{
    Range{0x0300, 0x036f},  // combining diacritical marks
    Range{0x1ab0, 0x1aff},
    Range{0x1dc0, 0x1dff},
    Range{0x200b, 0x200f},
    Range{0x20d0, 0x20ff},
    Range{0xfe00, 0xfe0f},  // variation selectors
    Range{0xfe20, 0xfe2f},
};
constexpr std::array k_wide{
    Range{0x1100, 0x115f},  // Hangul Jamo
    Range{0x2e80, 0x303e},
    Range{0x3041, 0x33ff},  // CJK radicals, kana
    Range{0x3400, 0x4dbf},
    Range{0x4e00, 0x9fff},
    Range{0xa000, 0xa4cf},
    Range{0xac00, 0xd7a3},
    Range{0xf900, 0xfaff},
    Range{0xfe30, 0xfe6f},
    Range{0xff00, 0xff60},
    Range{0xffe0, 0xffe6},
    Range{0x1f300, 0x1f64f},
    Range{0x1f680, 0x1f6ff},
    Range{0x1f900, 0x1f9ff},
    Range{0x1fa70, 0x1faff},
    Range{0x20000, 0x3fffd},
};

template <std::size_t size>
bool contains(const std::array<Range, size>& ranges, char32_t c) noexcept {
    return std::any_of(ranges.begin(), ranges.end(), [c](Range r) { return c >= r.first && c <= r.last; });
}

std::size_t sequence_length(unsigned char lead) noexcept {
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xc2 && lead < 0xe0) {
        return 2;
    }
    if (lead >= 0xe0 && lead < 0xf0) {
        return 3;
    }
    return lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
}

}  // namespace

Glyph first_glyph(std::string_view text) noexcept {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = sequence_length(lead);
    if (length == 1) {
        return {text.substr(0, 1)};
    }
    if (length == 0 || length > text.size()) {
        return {text.substr(0, 1), 1, false};
    }
    char32_t code = lead & (0xffU >> (length + 1));
    for (const char c : text.substr(1, length - 1)) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte & 0xc0U) != 0x80U) {
            return {text.substr(0, 1), 1, false};
        }
        code = (code << 6U) | (byte & 0x3fU);
    }
    const std::size_t width = contains(k_zero, code) ? 0 : (contains(k_wide, code) ? 2 : 1);
    return {text.substr(0, length), width};
}

std::size_t display_width(std::string_view text) noexcept {
    std::size_t width = 0;
    while (!text.empty()) {
        const Glyph glyph = first_glyph(text);
        width += glyph.width;
        text.remove_prefix(glyph.bytes.size());
    }
    return width;
}

}  // namespace aiperf::report
