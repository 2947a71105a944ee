#pragma once

#include "pieces.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace aiperf::fuzz {

/// The bytes of one trial, taken from the front; behind their end there are zeros.
class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) noexcept
        : left_(reinterpret_cast<const char*>(data), size) {}

    [[nodiscard]] bool empty() const noexcept { return left_.empty(); }

    std::uint8_t byte() noexcept {
        if (left_.empty()) {
            return 0;
        }
        const auto first = static_cast<std::uint8_t>(left_.front());
        left_.remove_prefix(1);
        return first;
    }

    /// The next `size` bytes, or fewer where fewer are left.
    std::string_view take(std::size_t size) noexcept {
        const std::string_view taken = left_.substr(0, size);
        left_.remove_prefix(taken.size());
        return taken;
    }

    [[nodiscard]] std::string_view rest() const noexcept { return left_; }

private:
    std::string_view left_;
};

/// Where to cut what comes behind: a byte whose low three bits are the number of cuts, and a byte for each with the
/// length of its piece. So a text that begins with "0" is not cut.
[[nodiscard]] test::Cuts take_cuts(Input& input);

/// Cuts of `size` bytes at every byte, for inputs of a few kilobytes; none for larger ones.
[[nodiscard]] test::Cuts every_cut(std::size_t size);

/// Ends the program, as a fault that was found, where `holds` is false.
void require(bool holds, const char* what);

}  // namespace aiperf::fuzz
