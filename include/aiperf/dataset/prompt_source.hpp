#pragma once

#include "aiperf/base/rng.hpp"
#include "aiperf/dataset/tokenizer.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace aiperf::dataset {

class Prose;

/// Makes English-like text, in ASCII, of an exact number of tokens.
///
/// Each text is prose that is written for it, cut where the tokens of its words add up to the length asked for, then
/// encoded as a whole and mended until the count is right. So it is exact for tokenizers whose counts do not add up,
/// too. What a word costs is asked once and kept: the first texts take longer.
///
/// *Thread safety*: none; one per thread.
class PromptSource {
public:
    /// `tokenizer` must outlive this; nullptr: lengths are in words.
    explicit PromptSource(const Tokenizer* tokenizer);

    /// Text that encodes, by itself, to exactly `tokens` ids (1 or more). A pure function of the tokenizer, the length
    /// and the generator. It starts with a letter and ends without blanks. Throws base::RunError for a tokenizer that
    /// gives no text this length (one whose vocabulary has none of our letters, say).
    [[nodiscard]] std::string text(std::uint32_t tokens, base::Rng rng);

private:
    struct Draft {
        std::vector<std::uint16_t> pieces;
        std::int64_t estimate = 0;  ///< tokens, as the pieces add up
    };

    [[nodiscard]] std::int64_t count(const std::string& text) const;
    [[nodiscard]] std::int64_t cost(std::uint16_t piece);
    [[nodiscard]] std::int64_t ask_cost(std::uint16_t piece);
    [[nodiscard]] std::int64_t context(bool capital);
    void add(Draft& draft, std::uint16_t piece);
    bool extend(Draft& draft, std::int64_t tokens, Prose& prose);
    std::int64_t add_filler(Draft& draft, std::int64_t at_most, Prose& prose);
    std::int64_t shorten(Draft& draft, std::int64_t tokens);
    void end_without_blanks(Draft& draft);
    void mend(Draft& draft, std::int64_t found, std::int64_t wanted, Prose& prose);

    const Tokenizer* tokenizer_;
    std::vector<std::int32_t> costs_;  // by piece; -1 = not asked yet
    std::array<std::int64_t, 2> contexts_{-1,
                                          -1};  // of the words that costs are asked beside: "and", "And"; -1 as above
};

}  // namespace aiperf::dataset
