#pragma once

#include "aiperf/http/content_decoder.hpp"

#include <string>
#include <string_view>

namespace aiperf::test {

/// What a client makes of a coded body; "damaged" where it is no whole one.
inline std::string decoded(http::Coding coding, std::string_view body) {
    http::ContentDecoder decoder(coding);
    decoder.give(body.data(), body.size());
    std::string out;
    std::size_t size = 0;
    for (const char* piece = decoder.next(size); size > 0; piece = decoder.next(size)) {
        out.append(piece, size);
    }
    return decoder.complete() && !decoder.failed() ? out : "damaged";
}

/// Text of a size that compresses well, and differs everywhere.
inline std::string numbered_lines(std::size_t bytes) {
    std::string text;
    for (std::size_t i = 0; text.size() < bytes; ++i) {
        text += std::to_string(i) + " is a line\n";
    }
    text.resize(bytes);
    return text;
}

}  // namespace aiperf::test
