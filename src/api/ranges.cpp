#include "ranges.hpp"

#include "aiperf/base/text.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace aiperf::api {

namespace {

/// A position; one beyond 64 bits lies behind every end. Absent: no digits, or others.
std::optional<std::uint64_t> position(std::string_view digits) {
    const bool plain =
        !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    return plain ? base::parse_unsigned(digits).value_or(std::numeric_limits<std::uint64_t>::max())
                 : std::optional<std::uint64_t>();
}

RangeAsked last_bytes(std::uint64_t wanted, std::uint64_t size) {
    if (wanted == 0) {
        return {RangeAsked::Kind::unsatisfiable};
    }
    const std::uint64_t count = std::min(wanted, size);
    // There is no way to say "no byte of nothing".
    return size == 0 ? RangeAsked{} : RangeAsked{RangeAsked::Kind::part, {size - count, count}};
}

}  // namespace

RangeAsked range_of(std::string_view header, std::uint64_t size) {
    const std::size_t equals = header.find('=');
    if (equals == std::string_view::npos ||
        !base::equals_ignoring_case(base::trim(header.substr(0, equals)), "bytes")) {
        return {};
    }
    const std::string_view range = base::trim(header.substr(equals + 1));
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos || range.find(',') != std::string_view::npos) {
        return {};
    }
    const std::string_view last_text = range.substr(dash + 1);
    const std::optional<std::uint64_t> first = position(range.substr(0, dash));
    const std::optional<std::uint64_t> last = position(last_text);
    if (dash == 0) {
        return last ? last_bytes(*last, size) : RangeAsked{};
    }
    if (!first || (!last && !last_text.empty()) || (last && *last < *first)) {
        return {};
    }
    if (*first >= size) {
        return {RangeAsked::Kind::unsatisfiable};
    }
    const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
    return {RangeAsked::Kind::part, {*first, end - *first + 1}};
}

}  // namespace aiperf::api
