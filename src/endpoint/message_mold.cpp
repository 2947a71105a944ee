#include "message_mold.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace aiperf::endpoint {

namespace {

bool is_plain(char c) noexcept {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

}  // namespace

void MessageMold::take(std::string_view message, std::string_view text) {
    const auto at = static_cast<std::size_t>(text.data() - message.data());
    before_ = message.substr(0, at);
    behind_ = message.substr(at + text.size());
}

std::optional<std::string_view> MessageMold::text_of(std::string_view message) const noexcept {
    if (before_.empty() || message.size() < before_.size() + behind_.size() || !message.starts_with(before_) ||
        !message.ends_with(behind_)) {
        return std::nullopt;
    }
    const std::string_view text = message.substr(before_.size(), message.size() - before_.size() - behind_.size());
    return std::all_of(text.begin(), text.end(), is_plain) ? std::optional(text) : std::nullopt;
}

MessageMold& MessageMolds::of(std::string_view message) noexcept {
    constexpr std::size_t k_id_at = 8;  // behind {"id":"
    constexpr std::uint64_t k_spread = 0x9E3779B97F4A7C15U;
    std::uint64_t hash = 1;
    for (std::size_t at = k_id_at; at + sizeof(hash) <= std::min<std::size_t>(message.size(), 64); at += sizeof(hash)) {
        std::uint64_t word = 0;
        std::memcpy(&word, message.data() + at, sizeof(word));
        hash = (hash ^ word) * k_spread;
    }
    return molds_[(hash >> 32U) % k_molds];
}

}  // namespace aiperf::endpoint
