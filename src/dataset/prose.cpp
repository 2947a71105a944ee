#include "prose.hpp"

#include "words.hpp"

#include <array>
#include <span>
#include <string>

namespace aiperf::dataset {

namespace {

constexpr std::size_t k_forms = 3;
constexpr std::array<std::string_view, 3> k_marks{",", ".", ".\n\n"};

using WordList = std::span<const words::Word>;

std::string formed(std::string_view word, WordForm form) {
    std::string text(form == WordForm::start ? "" : " ");
    text += word;
    if (form != WordForm::inner) {
        char& first = text[form == WordForm::start ? 0 : 1];
        first = static_cast<char>(first - 'a' + 'A');
    }
    return text;
}

/// All pieces: the words of every kind, each in its three forms one after the other, then the marks.
struct PieceTable {
    static constexpr std::size_t k_kinds = 8;

    std::array<WordList, k_kinds> lists{words::k_fillers,
                                        words::k_determiners,
                                        words::k_adjectives,
                                        words::k_nouns,
                                        words::k_verbs,
                                        words::k_adverbs,
                                        words::k_prepositions,
                                        words::k_conjunctions};
    std::array<std::size_t, k_kinds> first{};  // number of the first word of each kind
    std::vector<std::string> texts;
    std::size_t words = 0;

    PieceTable() {
        for (std::size_t kind = 0; kind < k_kinds; ++kind) {
            first[kind] = words;
            words += lists[kind].size();
            for (const std::string_view word : lists[kind]) {
                for (const WordForm form : {WordForm::inner, WordForm::sentence, WordForm::start}) {
                    texts.push_back(formed(word, form));
                }
            }
        }
        texts.insert(texts.end(), k_marks.begin(), k_marks.end());
    }

    static PieceId piece(std::size_t word, WordForm form) {
        return static_cast<PieceId>(word * k_forms + static_cast<std::size_t>(form));
    }

    static const PieceTable& get() {
        static const PieceTable table;
        return table;
    }
};

}  // namespace

std::size_t piece_count() {
    return PieceTable::get().texts.size();
}

std::string_view piece_text(PieceId piece) {
    return PieceTable::get().texts[piece];
}

PieceId mark_piece(Mark mark) {
    return static_cast<PieceId>(PieceTable::get().words * k_forms + static_cast<std::size_t>(mark));
}

bool is_mark(PieceId piece) {
    return piece >= PieceTable::get().words * k_forms;
}

PieceId in_form(PieceId piece, WordForm form) {
    return is_mark(piece) ? piece : PieceTable::piece(piece / k_forms, form);
}

std::size_t filler_count() {
    return words::k_fillers.size();
}

PieceId filler_piece(std::size_t filler) {
    return PieceTable::piece(filler, WordForm::inner);
}

PieceId Prose::next() {
    if (handed_out_ == sentence_.size()) {
        sentence();
    }
    return sentence_[handed_out_++];
}

void Prose::word(Kind kind) {
    const PieceTable& table = PieceTable::get();
    const auto k = static_cast<std::size_t>(kind);
    sentence_.push_back(PieceTable::piece(table.first[k] + rng_.below(table.lists[k].size()), WordForm::inner));
}

void Prose::noun_phrase() {
    word(Kind::determiner);
    if (chance(45)) {
        word(Kind::adjective);
    }
    word(Kind::noun);
}

void Prose::clause() {
    noun_phrase();
    if (chance(25)) {
        word(Kind::adverb);
    }
    word(Kind::verb);
    noun_phrase();
    if (chance(50)) {
        word(Kind::preposition);
        noun_phrase();
    }
}

void Prose::sentence() {
    sentence_.clear();
    handed_out_ = 0;
    if (sentences_left_ == 0) {
        sentences_left_ = 3 + rng_.below(5);
    }
    if (chance(20)) {
        word(Kind::preposition);
        noun_phrase();
        sentence_.push_back(mark_piece(Mark::comma));
    }
    clause();
    if (chance(40)) {
        sentence_.push_back(mark_piece(Mark::comma));
        word(Kind::conjunction);
        clause();
    }
    --sentences_left_;
    sentence_.push_back(mark_piece(sentences_left_ == 0 ? Mark::paragraph : Mark::period));
}

}  // namespace aiperf::dataset
