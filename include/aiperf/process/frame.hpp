#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::process {

/// Bytes in front of each payload: its length, 32 bits, most significant byte first.
inline constexpr std::size_t k_frame_header_bytes = 4;

/// The largest payload a frame may carry unless a smaller limit is asked for.
inline constexpr std::size_t k_max_frame_bytes = std::size_t{16} << 20U;

/// The frame around `payload` (1 to k_max_frame_bytes bytes; the caller checks).
[[nodiscard]] std::string encode_frame(std::string_view payload);

/// Cuts a stream of bytes into frames. A length of 0 or above the limit means that the stream is damaged: nothing
/// after it can be trusted, so the parser refuses everything from there on. Memory grows with what has arrived, not
/// with what a length announces. *Thread safety*: none.
class FrameParser {
public:
    /// A frame that announces more than `max_payload_bytes` damages the stream.
    explicit FrameParser(std::size_t max_payload_bytes = k_max_frame_bytes)
        : max_payload_bytes_(max_payload_bytes) {}

    /// Takes the next bytes and appends the payloads they complete. False: the stream is damaged.
    bool feed(std::string_view bytes, std::vector<std::string>& payloads);

    /// True once the stream makes no sense; nothing is read any more.
    [[nodiscard]] bool damaged() const noexcept { return damaged_; }

    /// True where a frame has begun and not ended: at the end of the stream, something is missing.
    [[nodiscard]] bool in_frame() const noexcept { return header_bytes_ > 0; }

private:
    bool begin_payload();

    std::size_t max_payload_bytes_;
    std::size_t header_bytes_ = 0;  // of the current frame, 0 to k_frame_header_bytes
    std::uint32_t length_ = 0;
    std::string payload_;
    bool damaged_ = false;
};

}  // namespace aiperf::process
