#include "aiperf/base/text.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace aiperf::base {

namespace {

template <class Number>
std::optional<Number> parse_whole(std::string_view text) noexcept {
    Number value{};
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc{} || at != end) {
        return std::nullopt;
    }
    return value;
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
    return parse_whole<std::int64_t>(text);
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) noexcept {
    return parse_whole<std::uint64_t>(text);
}

bool looks_like_integer(std::string_view text) noexcept {
    if (!text.empty() && text.front() == '-') {
        text.remove_prefix(1);
    }
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

std::optional<double> parse_number(std::string_view text) noexcept {
    return parse_whole<double>(text);
}

std::optional<bool> parse_boolean(std::string_view text) {
    const std::string word = lower(text);
    for (const std::string_view yes : {"true", "yes", "on", "1", "t", "y"}) {
        if (word == yes) {
            return true;
        }
    }
    for (const std::string_view no : {"false", "no", "off", "0", "f", "n"}) {
        if (word == no) {
            return false;
        }
    }
    return std::nullopt;
}

std::string number_text(double value) {
    char buffer[32];
    const auto [end, error] = std::to_chars(std::begin(buffer), std::end(buffer), value);
    return error == std::errc{} ? std::string(buffer, end) : std::string{};
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
    }
    return result;
}

void append_json_escaped(std::string& out, std::string_view text) {
    constexpr std::string_view k_hex = "0123456789abcdef";
    constexpr std::string_view k_special = "\"\\\b\f\n\r\t";
    constexpr std::string_view k_letters = "\"\\bfnrt";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (const std::size_t at = k_special.find(c); at != std::string_view::npos) {
            out += '\\';
            out += k_letters[at];
        } else if (byte < ' ') {
            out.append("\\u00").append(1, k_hex[byte >> 4U]).append(1, k_hex[byte & 0xFU]);
        } else {
            out += c;
        }
    }
}

std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view k_blank = " \t";
    const auto first = text.find_first_not_of(k_blank);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(k_blank) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    while (true) {
        const auto at = text.find(separator);
        pieces.push_back(text.substr(0, at));
        if (at == std::string_view::npos) {
            return pieces;
        }
        text.remove_prefix(at + 1);
    }
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    for (const std::string_view word : split(text, ' ')) {
        if (!lines.empty() && lines.back().size() + 1 + word.size() <= width) {
            lines.back().append(1, ' ').append(word);
        } else {
            lines.emplace_back(word);
        }
    }
    return lines;
}

std::size_t edit_distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> before(to.size() + 1);  // the row two above
    std::vector<std::size_t> above(to.size() + 1);
    std::vector<std::size_t> row(to.size() + 1);
    for (std::size_t j = 0; j <= to.size(); ++j) {
        above[j] = j;
    }
    for (std::size_t i = 1; i <= from.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= to.size(); ++j) {
            const std::size_t replaced = above[j - 1] + (from[i - 1] == to[j - 1] ? 0U : 1U);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        before.swap(above);
        above.swap(row);
    }
    return above[to.size()];
}

std::optional<std::string_view> nearest(std::string_view name, std::span<const std::string_view> candidates) {
    std::size_t best = std::max<std::size_t>(1, name.size() / 3) + 1;
    std::optional<std::string_view> found;
    for (const std::string_view candidate : candidates) {
        const std::size_t longer = std::max(candidate.size(), name.size());
        const std::size_t shorter = std::min(candidate.size(), name.size());
        if (longer - shorter >= best) {
            continue;
        }
        if (const std::size_t distance = edit_distance(name, candidate); distance < best) {
            best = distance;
            found = candidate;
        }
    }
    return found;
}

}  // namespace aiperf::base
