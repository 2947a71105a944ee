#include "aiperf/process/frame.hpp"

#include <algorithm>
#include <utility>

namespace aiperf::process {

std::string encode_frame(std::string_view payload) {
    const auto length = static_cast<std::uint32_t>(payload.size());
    std::string frame;
    frame.reserve(k_frame_header_bytes + payload.size());
    for (int shift = 24; shift >= 0; shift -= 8) {
        frame.push_back(static_cast<char>((length >> static_cast<unsigned>(shift)) & 0xffU));
    }
    return frame.append(payload);
}

bool FrameParser::begin_payload() {
    if (length_ == 0 || length_ > max_payload_bytes_) {
        damaged_ = true;
        payload_.clear();
    }
    return !damaged_;
}

bool FrameParser::feed(std::string_view bytes, std::vector<std::string>& payloads) {
    while (!damaged_ && !bytes.empty()) {
        if (header_bytes_ < k_frame_header_bytes) {
            length_ = (length_ << 8U) | static_cast<unsigned char>(bytes.front());
            bytes.remove_prefix(1);
            if (++header_bytes_ == k_frame_header_bytes && !begin_payload()) {
                return false;
            }
            continue;
        }
        const std::size_t taken = std::min(bytes.size(), length_ - payload_.size());
        payload_.append(bytes.substr(0, taken));
        bytes.remove_prefix(taken);
        if (payload_.size() == length_) {
            payloads.push_back(std::exchange(payload_, {}));
            header_bytes_ = 0;
            length_ = 0;
        }
    }
    return !damaged_;
}

}  // namespace aiperf::process
