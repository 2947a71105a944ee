#pragma once

#include "aiperf/base/rng.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace aiperf::dataset {

/// A piece of prose, by number: a word in one of its forms, or a mark. Texts of pieces in a row, put together, read as
/// English: a word within a sentence brings its blank with it.
using PieceId = std::uint16_t;

/// How a word stands in the text.
enum class WordForm : std::uint8_t {
    inner,     ///< " river"
    sentence,  ///< " River"
    start,     ///< "River": first of a text or paragraph
};

enum class Mark : std::uint8_t { comma, period, paragraph };

/// All pieces there are are [0, piece_count()).
[[nodiscard]] std::size_t piece_count();

/// What a piece adds to the text. Lives for ever.
[[nodiscard]] std::string_view piece_text(PieceId piece);

[[nodiscard]] PieceId mark_piece(Mark mark);

[[nodiscard]] bool is_mark(PieceId piece);

/// The same word in another form; a mark stays as it is.
[[nodiscard]] PieceId in_form(PieceId piece, WordForm form);

/// Filler words (see words.hpp) are [0, filler_count()); they come in form `inner`.
[[nodiscard]] std::size_t filler_count();

[[nodiscard]] PieceId filler_piece(std::size_t filler);

/// Endless English-like prose: sentences in paragraphs, by a small grammar over our own words, which all come in form
/// `inner`. A pure function of the generator it is given. *Thread safety*: none.
class Prose {
public:
    explicit Prose(base::Rng rng) noexcept
        : rng_(rng) {}

    [[nodiscard]] PieceId next();

    /// The generator, for choices that belong to the same text.
    [[nodiscard]] base::Rng& rng() noexcept { return rng_; }

private:
    enum class Kind : std::uint8_t { filler, determiner, adjective, noun, verb, adverb, preposition, conjunction };

    [[nodiscard]] bool chance(unsigned percent) { return rng_.below(100) < percent; }

    void word(Kind kind);
    void noun_phrase();
    void clause();
    void sentence();

    base::Rng rng_;
    std::vector<PieceId> sentence_;  // the sentence being handed out
    std::size_t handed_out_ = 0;
    std::uint64_t sentences_left_ = 0;  // in this paragraph
};

}  // namespace aiperf::dataset
