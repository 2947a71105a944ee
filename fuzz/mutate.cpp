#include "mutate.hpp"

#include <algorithm>
#include <string_view>

namespace aiperf::fuzz {

namespace {

/// A place in `text` and a length behind it, short ones more often.
struct Piece {
    Piece(base::Rng& rng, const std::string& text)
        : at(rng.below(text.size() + 1)),
          size(rng.below(std::min<std::size_t>(text.size() - at, rng.below(4) == 0 ? text.size() : 16) + 1)) {}

    std::size_t at;
    std::size_t size;
};

/// Overwrites what is there with a number at the edge of its range, of 1 to 8 bytes.
void set_number(base::Rng& rng, std::string& text) {
    static constexpr std::string_view k_edges[] = {std::string_view("\0\0\0\0\0\0\0\0", 8),
                                                   "\xff\xff\xff\xff\xff\xff\xff\xff",
                                                   "\xff\xff\xff\xff\xff\xff\xff\x7f",
                                                   std::string_view("\0\0\0\0\0\0\0\x80", 8),
                                                   std::string_view("\1\0\0\0\0\0\0\0", 8)};
    const std::size_t at = rng.below(text.size() + 1);
    const std::string_view edge = k_edges[rng.below(std::size(k_edges))];
    const std::size_t size = std::size_t{1} << rng.below(4);
    const bool from_behind = rng.below(2) == 0;
    text.replace(at, std::min(size, text.size() - at), edge.substr(from_behind ? 8 - size : 0, size));
}

/// Bytes that mean something to one parser or another.
void insert_mark(base::Rng& rng, std::string& text) {
    static constexpr std::string_view k_marks[] = {
        "\r\n",   "\n", "\r", "\r\n\r\n", ":",   ",", "\"",   "\\", "{", "}",    "[",     "]",
        "0",      "-1", "/",  "..",       "%2e", "%", "\xff", "\t", " ", "null", "1e999", "18446744073709551616",
        "\\ud800"};
    text.insert(rng.below(text.size() + 1), k_marks[rng.below(std::size(k_marks))]);
}

void change(base::Rng& rng, std::string& text, const std::vector<std::string>& corpus) {
    const Piece piece(rng, text);
    switch (rng.below(7)) {
        case 0: text.erase(piece.at, piece.size); break;
        case 1: text.insert(piece.at, text.substr(piece.at, piece.size)); break;
        case 2: set_number(rng, text); break;
        case 3: insert_mark(rng, text); break;
        case 4: {
            const std::string& other = corpus[rng.below(corpus.size())];
            const Piece theirs(rng, other);
            text.insert(piece.at, other, theirs.at, theirs.size);
            break;
        }
        case 5: text.insert(piece.at, 1, static_cast<char>(rng.below(256))); break;
        default:
            if (piece.at < text.size()) {
                text[piece.at] = static_cast<char>(rng.below(256));
            }
    }
}

}  // namespace

std::string mutated(base::Rng& rng, const std::vector<std::string>& corpus) {
    constexpr std::size_t k_longest = 1U << 16U;
    std::string text = corpus[rng.below(corpus.size())];
    for (auto changes = 1 + rng.below(5); changes > 0; --changes) {
        change(rng, text, corpus);
    }
    text.resize(std::min(text.size(), k_longest));
    return text;
}

}  // namespace aiperf::fuzz
