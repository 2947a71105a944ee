#pragma once

#include "aiperf/mock/options.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace aiperf::mock {

/// The word-pieces that answers are made of, in reading order: one piece is one token of the mock server's own count.
/// A word carries its leading space; long words are several pieces. No piece needs escaping in JSON.
[[nodiscard]] std::span<const std::string_view> token_pieces(TextKind kind);

/// Piece number `index` of an endless text. The first has no leading space.
[[nodiscard]] std::string_view token_at(TextKind kind, std::size_t index);

/// Appends the pieces [begin, end) of the endless text.
void append_tokens(std::string& out, TextKind kind, std::size_t begin, std::size_t end);

}  // namespace aiperf::mock
