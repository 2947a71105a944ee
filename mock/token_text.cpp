#include "aiperf/mock/token_text.hpp"

#include <array>

namespace aiperf::mock {

namespace {

using std::string_view_literals::operator""sv;

constexpr auto k_plain = std::to_array<std::string_view>({
    " The"sv,      " harbour"sv,  " wakes"sv, " before"sv, " the"sv,     " town"sv,  " does"sv,   "."sv,
    " Boats"sv,    " come"sv,     " in"sv,    " with"sv,   " the"sv,     " first"sv, " light"sv,  ","sv,
    " gulls"sv,    " follow"sv,   " them"sv,  ","sv,       " and"sv,     " along"sv, " the"sv,    " quay"sv,
    " someone"sv,  " counts"sv,   " cr"sv,    "ates"sv,    " aloud"sv,   "."sv,      " By"sv,     " seven"sv,
    " the"sv,      " market"sv,   " is"sv,    " open"sv,   ":"sv,        " bread"sv, ","sv,       " apples"sv,
    ","sv,         " nets"sv,     " to"sv,    " mend"sv,   ","sv,        " a"sv,     " radio"sv,  " that"sv,
    " nobody"sv,   " listens"sv,  " to"sv,    "."sv,       " A"sv,       " child"sv, " asks"sv,   " why"sv,
    " the"sv,      " water"sv,    " is"sv,    " never"sv,  " the"sv,     " same"sv,  " colour"sv, " twice"sv,
    ","sv,         " and"sv,      " her"sv,   " grand"sv,  "mother"sv,   " says"sv,  " that"sv,   " it"sv,
    " depends"sv,  " on"sv,       " who"sv,   " is"sv,     " looking"sv, "."sv,      " Later"sv,  ","sv,
    " when"sv,     " the"sv,      " wind"sv,  " turns"sv,  " north"sv,   ","sv,      " the"sv,    " ropes"sv,
    " begin"sv,    " to"sv,       " hum"sv,   " and"sv,    " the"sv,     " old"sv,   " light"sv,  "house"sv,
    " keeper"sv,   " writes"sv,   " two"sv,   " lines"sv,  " in"sv,      " his"sv,   " book"sv,   "."sv,
    " Nothing"sv,  " happened"sv, ","sv,      " he"sv,     " notes"sv,   ","sv,      " and"sv,    " it"sv,
    " happened"sv, " beauti"sv,   "fully"sv,  "."sv,
});

constexpr auto k_unicode = std::to_array<std::string_view>({
    " In"sv,     " Zürich"sv, " the"sv,    " café"sv,   " opens"sv, " late"sv,   ";"sv,       " the"sv,
    " sign"sv,   " says"sv,   " 営業中"sv, ","sv,       " and"sv,   " a"sv,      " cat"sv,    " 🐈"sv,
    " sleeps"sv, " below"sv,  " it"sv,     "."sv,       " Señor"sv, " Müller"sv, " orders"sv, " thé"sv,
    " à"sv,      " la"sv,     " menthe"sv, ","sv,       " reads"sv, " 天"sv,     "気"sv,      " in"sv,
    " the"sv,    " paper"sv,  ","sv,       " hums"sv,   " "sv,      "♪"sv,       ","sv,       " pays"sv,
    " 4"sv,      " €"sv,      " and"sv,    " leaves"sv, "."sv,      " Снег"sv,   " идёт"sv,   "."sv,
});

}  // namespace

std::span<const std::string_view> token_pieces(TextKind kind) {
    if (kind == TextKind::unicode) {
        return k_unicode;
    }
    return k_plain;
}

std::string_view token_at(TextKind kind, std::size_t index) {
    const auto pieces = token_pieces(kind);
    std::string_view piece = pieces[index % pieces.size()];
    if (index == 0) {
        piece.remove_prefix(1);
    }
    return piece;
}

void append_tokens(std::string& out, TextKind kind, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
        out += token_at(kind, i);
    }
}

}  // namespace aiperf::mock
