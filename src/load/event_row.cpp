#include "aiperf/load/event_row.hpp"

#include "aiperf/endpoint/plain_text.hpp"
#include "aiperf/http/chunk.hpp"

namespace aiperf::load {

void EventRow::begin(std::string_view body, std::string_view text, record::EventKind kind) {
    const auto at = static_cast<std::size_t>(text.data() - body.data());
    before_ = body.substr(0, at);
    after_ = body.substr(at + text.size());
    kind_ = kind;
}

std::string_view EventRow::next(std::string_view bytes, std::size_t& size) const noexcept {
    const http::ChunkSize line = before_.empty() ? http::ChunkSize{} : http::chunk_size(bytes);
    if (line.bytes == 0 || bytes.size() - line.bytes < line.size || line.size <= frame_bytes()) {
        return {};
    }
    const std::string_view body = bytes.substr(line.bytes, line.size);
    const std::string_view text = body.substr(before_.size(), body.size() - frame_bytes());
    const char* const end = body.data() + body.size();
    if (!body.starts_with(before_) || endpoint::plain_text_end(text.data(), end) != text.data() + text.size() ||
        !body.ends_with(after_)) {
        return {};
    }
    size = line.bytes + body.size();
    return text;
}

}  // namespace aiperf::load
