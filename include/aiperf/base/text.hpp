#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::base {

/// A decimal integer, the whole text and nothing else (no blanks, no '+', no fraction). Absent: not one, or too big.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;

/// The same, unsigned, up to 2^64 - 1.
[[nodiscard]] std::optional<std::uint64_t> parse_unsigned(std::string_view text) noexcept;

/// True for text that has the form of an integer, however big: "-12", "99999999999999999999".
[[nodiscard]] bool looks_like_integer(std::string_view text) noexcept;

/// A decimal number, the whole text. "inf" and "nan" are read as such: the caller decides. Absent: not a number, or
/// outside the range of double.
[[nodiscard]] std::optional<double> parse_number(std::string_view text) noexcept;

/// "true/yes/on/1/t/y" and "false/no/off/0/f/n", in any case.
[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text);

/// The shortest text that reads back as the same double: "5", "0.1", "inf".
[[nodiscard]] std::string number_text(double value);

/// ASCII lower case.
[[nodiscard]] std::string lower(std::string_view text);

/// Equal but for ASCII case. Allocates nothing.
[[nodiscard]] inline bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    const auto same = [](char x, char y) {
        const char letter = static_cast<char>(x | 0x20);
        return x == y || ((x ^ y) == 0x20 && letter >= 'a' && letter <= 'z');
    };
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), same);
}

/// Appends `text` as the inside of a JSON string: quotes, backslashes and control characters escaped, all else as it
/// is.
void append_json_escaped(std::string& out, std::string_view text);

/// Without blanks and tabs at both ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// The pieces between separators, empty ones included; [""] for "".
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// `text` broken at blanks into lines of at most `width` characters; a longer word has a line of its own.
[[nodiscard]] std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other.
[[nodiscard]] std::size_t edit_distance(std::string_view from, std::string_view to);

/// The candidate with the smallest edit distance, if that is at most a third of the name's length (at least 1).
/// Absent where nothing is near.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view name,
                                                      std::span<const std::string_view> candidates);

}  // namespace aiperf::base
