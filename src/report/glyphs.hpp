#pragma once

#include <cstddef>
#include <string_view>

namespace aiperf::report {

/// One character of UTF-8 text: its bytes and the columns it takes. `valid` is false for a byte that is not UTF-8.
struct Glyph {
    std::string_view bytes;
    std::size_t width = 1;
    bool valid = true;
};

/// The character at the front of `text`. Precondition: not empty.
[[nodiscard]] Glyph first_glyph(std::string_view text) noexcept;

}  // namespace aiperf::report
