#include "aiperf/http/sse.hpp"

#include <algorithm>
#include <cstring>

namespace aiperf::http {

void SseParser::reset() noexcept {
    partial_.clear();
    data_.clear();
    name_.clear();
    in_place_ = nullptr;
    in_place_size_ = 0;
    has_data_ = false;
    skip_lf_ = false;
    mark_seen_ = 0;
}

std::string_view SseParser::lone_event(std::string_view bytes) const noexcept {
    constexpr std::string_view k_begin = "data: ";
    if (!is_between() || !bytes.starts_with(k_begin)) {
        return {};
    }
    bytes.remove_prefix(k_begin.size());
    for (const std::string_view end : {"\n\n", "\r\n\r\n"}) {
        if (bytes.ends_with(end)) {
            return bytes.substr(0, bytes.size() - end.size());
        }
    }
    return {};
}

std::size_t SseParser::line_length(const char* data, std::size_t size) noexcept {
    const auto* lf = static_cast<const char*>(std::memchr(data, '\n', size));
    const std::size_t length = lf == nullptr ? size : static_cast<std::size_t>(lf - data);
    const auto* cr = static_cast<const char*>(std::memchr(data, '\r', length));
    return cr == nullptr ? length : static_cast<std::size_t>(cr - data);
}

bool SseParser::is_field(std::string_view field, std::string_view lower_case_name) noexcept {
    return field.size() == lower_case_name.size() &&
           std::equal(
               field.begin(), field.end(), lower_case_name.begin(), [](char a, char b) { return (a | 0x20) == b; });
}

std::size_t SseParser::skip_mark(const char* data, std::size_t size) noexcept {
    constexpr char k_mark[] = "\xEF\xBB\xBF";
    std::size_t at = 0;
    while (mark_seen_ < 3 && at < size && data[at] == k_mark[mark_seen_]) {
        ++mark_seen_;
        ++at;
    }
    if (mark_seen_ < 3 && at < size) {
        partial_.append(k_mark, mark_seen_);  // it was no mark: what was taken is text
        mark_seen_ = 3;
    }
    return at;
}

void SseParser::add_data(char* data, std::size_t size) {
    if (!has_data_) {
        has_data_ = true;
        in_place_ = data;
        in_place_size_ = std::min(size, k_event_limit);
        return;
    }
    own_data();
    if (data_.size() < k_event_limit) {
        data_ += '\n';
        data_.append(data, std::min(size, k_event_limit - data_.size()));
    }
}

void SseParser::add_partial(const char* data, std::size_t size) {
    constexpr std::size_t k_line_limit = k_event_limit + 16;  // with the field's name
    partial_.append(data, std::min(size, k_line_limit - partial_.size()));
}

void SseParser::own_data() {
    if (in_place_ != nullptr) {
        data_.assign(in_place_, in_place_size_);
        in_place_ = nullptr;
    }
}

}  // namespace aiperf::http
