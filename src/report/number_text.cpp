#include "aiperf/report/number_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace aiperf::report {
namespace {

/// Shortest decimal digits of a number and the power of ten of the first one.
struct Decimal {
    std::string digits;
    int exponent = 0;
    bool negative = false;
};

Decimal shortest(double value) {
    std::array<char, 40> text{};
    auto* const end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific).ptr;
    std::string_view view(text.data(), static_cast<std::size_t>(end - text.data()));
    Decimal out;
    out.negative = view.front() == '-';
    view.remove_prefix(out.negative ? 1 : 0);
    const std::size_t e = view.find('e');
    out.exponent = std::atoi(std::string(view.substr(e + 1)).c_str());
    for (const char c : view.substr(0, e)) {
        if (c != '.') {
            out.digits += c;
        }
    }
    return out;
}

std::string with_exponent(const Decimal& decimal) {
    std::string out = decimal.digits.substr(0, 1);
    if (decimal.digits.size() > 1) {
        out += '.' + decimal.digits.substr(1);
    }
    const std::string power = std::to_string(std::abs(decimal.exponent));
    return out + (decimal.exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
}

}  // namespace

std::string float_repr(double value) {
    constexpr double k_first_plain = 1e-4;
    constexpr double k_first_too_large = 1e16;
    if (const double size = std::abs(value); size == 0.0 || (size >= k_first_plain && size < k_first_too_large)) {
        std::array<char, 40> text{};
        auto* const end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed).ptr;
        std::string out(text.data(), end);
        return out.find('.') == std::string::npos ? out + ".0" : out;
    }
    const Decimal decimal = shortest(value);
    return (decimal.negative ? "-" : "") + with_exponent(decimal);
}

std::string fixed2(double value) {
    std::array<char, 340> text{};
    auto* const end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 2).ptr;
    return {text.data(), end};
}

std::string grouped2(double value) {
    std::string out = fixed2(value);
    const std::size_t first = out.front() == '-' ? 1 : 0;
    for (std::size_t at = out.find('.'); at > first + 3;) {
        at -= 3;
        out.insert(at, 1, ',');
    }
    return out;
}

}  // namespace aiperf::report
