#include "aiperf/dataset/prompt_source.hpp"

#include "aiperf/base/error.hpp"
#include "prose.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace aiperf::dataset {

namespace {

constexpr int k_tries = 64;
constexpr int k_tries_per_draft = 16;
constexpr double k_most_scale = 4.0;  // of estimated to real tokens; a model that never answers may not grow drafts
constexpr int k_idle_pieces = 1000;   // pieces in a row that add no token: no text will

std::string join(const std::vector<PieceId>& pieces) {
    std::string text;
    for (const PieceId piece : pieces) {
        text += piece_text(piece);
    }
    return text;
}

/// The form a word takes behind these pieces.
WordForm form_behind(const std::vector<PieceId>& pieces) {
    if (pieces.empty() || pieces.back() == mark_piece(Mark::paragraph)) {
        return WordForm::start;
    }
    return pieces.back() == mark_piece(Mark::period) ? WordForm::sentence : WordForm::inner;
}

}  // namespace

PromptSource::PromptSource(const Tokenizer* tokenizer)
    : tokenizer_(tokenizer),
      costs_(piece_count(), -1) {}

std::string PromptSource::text(std::uint32_t tokens, base::Rng rng) {
    Prose prose(rng);
    Draft draft;
    for (int tried = 0; tried < k_tries; ++tried) {
        if (tried % k_tries_per_draft == 0) {
            draft = {};
            extend(draft, tokens, prose);
        }
        end_without_blanks(draft);
        std::string text = join(draft.pieces);
        const std::int64_t found = tokenizer_ == nullptr ? draft.estimate : count(text);
        if (found == tokens) {
            return text;
        }
        mend(draft, found, tokens, prose);
    }
    throw base::RunError("no text of exactly " + std::to_string(tokens) + " tokens could be made with the tokenizer " +
                         (tokenizer_ == nullptr ? std::string("(words)") : tokenizer_->source()));
}

std::int64_t PromptSource::count(const std::string& text) const {
    return static_cast<std::int64_t>(tokenizer_->count(text));
}

std::int64_t PromptSource::cost(PieceId piece) {
    std::int32_t& known = costs_[piece];
    if (known < 0) {
        known = static_cast<std::int32_t>(std::max<std::int64_t>(0, ask_cost(piece)));
    }
    return known;
}

// What a piece adds depends on what is in front of it: ask for it behind a word.
std::int64_t PromptSource::ask_cost(PieceId piece) {
    if (tokenizer_ == nullptr) {
        return is_mark(piece) ? 0 : 1;
    }
    const std::string text(piece_text(piece));
    if (piece == mark_piece(Mark::paragraph)) {
        return count("and" + text + "And") - context(false) - context(true);
    }
    const bool starts = !is_mark(piece) && in_form(piece, WordForm::start) == piece;
    return starts ? count(text) : count("and" + text) - context(false);
}

/// Tokens of the word beside the piece, which are half of all that is counted for the first texts.
std::int64_t PromptSource::context(bool capital) {
    std::int64_t& known = contexts_[capital ? 1 : 0];
    if (known < 0) {
        known = count(capital ? "And" : "and");
    }
    return known;
}

void PromptSource::add(Draft& draft, PieceId piece) {
    draft.pieces.push_back(piece);
    draft.estimate += cost(piece);
}

/// Adds pieces of `tokens` tokens by their costs; false where none fits the rest.
bool PromptSource::extend(Draft& draft, std::int64_t tokens, Prose& prose) {
    int idle = 0;
    while (tokens > 0) {
        const PieceId piece = in_form(prose.next(), form_behind(draft.pieces));
        std::int64_t added = cost(piece);
        if (added <= tokens) {
            add(draft, piece);
        } else {
            added = add_filler(draft, tokens, prose);
        }
        tokens -= added;
        idle = added > 0 ? 0 : idle + 1;
        if (idle > k_idle_pieces || (added == 0 && cost(piece) > tokens)) {
            return false;
        }
    }
    return true;
}

/// Adds a short word, else a comma, of 1 to `at_most` tokens; returns its cost, 0 where there is none.
std::int64_t PromptSource::add_filler(Draft& draft, std::int64_t at_most, Prose& prose) {
    const WordForm form = form_behind(draft.pieces);
    const std::uint64_t first = prose.rng().below(filler_count());
    for (std::size_t i = 0; i < filler_count(); ++i) {
        const PieceId word = in_form(filler_piece((first + i) % filler_count()), form);
        if (cost(word) >= 1 && cost(word) <= at_most) {
            add(draft, word);
            return cost(word);
        }
    }
    const PieceId comma = mark_piece(Mark::comma);
    if (draft.pieces.empty() || cost(comma) < 1 || cost(comma) > at_most) {
        return 0;
    }
    add(draft, comma);
    return cost(comma);
}

/// Drops pieces of at least `tokens` tokens from the end; returns what they add up to.
std::int64_t PromptSource::shorten(Draft& draft, std::int64_t tokens) {
    const std::int64_t before = draft.estimate;
    while (before - draft.estimate < tokens && !draft.pieces.empty()) {
        draft.estimate -= cost(draft.pieces.back());
        draft.pieces.pop_back();
    }
    return before - draft.estimate;
}

void PromptSource::end_without_blanks(Draft& draft) {
    if (!draft.pieces.empty() && draft.pieces.back() == mark_piece(Mark::paragraph)) {
        draft.estimate -= cost(draft.pieces.back());
        draft.pieces.pop_back();
        add(draft, mark_piece(Mark::period));
    }
}

/// Brings a draft that encodes to `found` tokens nearer to `wanted`: as many pieces more or fewer as the difference is
/// in estimated tokens.
void PromptSource::mend(Draft& draft, std::int64_t found, std::int64_t wanted, Prose& prose) {
    const double scale = std::min(k_most_scale, static_cast<double>(draft.estimate) / static_cast<double>(found + 1));
    const auto off = static_cast<double>(std::abs(found - wanted));
    const std::int64_t difference = std::max<std::int64_t>(1, std::llround(off * scale));
    if (found < wanted && extend(draft, difference, prose)) {
        return;
    }
    const std::int64_t dropped = shorten(draft, difference);
    extend(draft, found < wanted ? dropped + difference : dropped - difference, prose);
}

}  // namespace aiperf::dataset
