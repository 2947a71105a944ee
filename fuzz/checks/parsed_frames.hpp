#pragma once

#include "aiperf/process/frame.hpp"
#include "pieces.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace aiperf::test {

/// All that a parser of frames said about one stream.
struct ParsedFrames {
    std::vector<std::string> payloads;
    bool damaged = false;
    bool in_frame = false;

    friend bool operator==(const ParsedFrames&, const ParsedFrames&) = default;
};

/// Feeds a stream cut at `cuts`.
inline ParsedFrames frames_of(std::string_view bytes,
                              const Cuts& cuts = {},
                              std::size_t most_bytes = process::k_max_frame_bytes) {
    process::FrameParser parser(most_bytes);
    ParsedFrames frames;
    in_pieces(bytes, cuts, 0, [&](const char* data, std::size_t size) {
        parser.feed({data, size}, frames.payloads);
        return true;
    });
    frames.damaged = parser.damaged();
    frames.in_frame = parser.in_frame();
    return frames;
}

}  // namespace aiperf::test
