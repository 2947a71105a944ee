#pragma once

#include "aiperf/base/error.hpp"
#include "aiperf/dataset/tokenizer.hpp"

#include <string_view>

namespace aiperf::test {

/// True where a tokenizer counts as many ids in a text as it makes of it. Reads them back, too.
inline bool agrees_with_itself(const dataset::Tokenizer& tokenizer, std::string_view text) {
    const auto ids = tokenizer.encode(text);
    static_cast<void>(tokenizer.decode(ids));
    return tokenizer.count(text) == ids.size();
}

}  // namespace aiperf::test
