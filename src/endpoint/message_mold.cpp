#include "message_mold.hpp"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace aiperf::endpoint {

namespace {

constexpr std::uint64_t k_ones = 0x0101010101010101U;
constexpr std::uint64_t k_highs = 0x8080808080808080U;

/// The highest bit of each of eight bytes that is a quote, a backslash or a control character; above the first of
/// them others may be set too.
std::uint64_t ends_of_plain_text(std::uint64_t word) noexcept {
    const auto below = [](std::uint64_t bytes, std::uint64_t limit) {
        return (bytes - limit * k_ones) & ~bytes & k_highs;
    };
    return below(word ^ (k_ones * '"'), 1) | below(word ^ (k_ones * '\\'), 1) | below(word, ' ');
}

/// Where text stops to be what it says.
const char* text_end(const char* at, const char* end, bool& is_ascii) noexcept {
    std::uint64_t high = 0;
    for (std::uint64_t word = 0; end - at >= 8; at += 8, high |= word) {
        std::memcpy(&word, at, sizeof(word));
        if (const std::uint64_t ends = ends_of_plain_text(word); ends != 0) {
            const int bytes = std::countr_zero(ends) / 8;
            high |= word & ((std::uint64_t{1} << (8 * bytes)) - 1);
            is_ascii = (high & k_highs) == 0;
            return at + bytes;
        }
    }
    for (; at != end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= ' '; ++at) {
        high |= static_cast<unsigned char>(*at);
    }
    is_ascii = (high & k_highs) == 0;
    return at;
}

/// End of text that is what it says.
const char* plain_text_end(const char* at, const char* end) noexcept {
    bool is_ascii = false;
    const char* const stop = text_end(at, end, is_ascii);
    const bool whole = stop != end && *stop == '"';
    return whole && (is_ascii || simdjson::validate_utf8(at, static_cast<std::size_t>(stop - at))) ? stop : nullptr;
}

/// End of digits, at most `most`.
const char* whole_number_end(const char* at, const char* end, std::ptrdiff_t most) noexcept {
    const char* const begin = at;
    while (at != end && *at >= '0' && *at <= '9') {
        ++at;
    }
    const std::ptrdiff_t digits = at - begin;
    return digits == 0 || digits > most || (digits > 1 && *begin == '0') ? nullptr : at;
}

std::int32_t number_of(std::string_view digits) noexcept {
    std::int32_t number = 0;
    for (const char digit : digits) {
        number = number * 10 + (digit - '0');
    }
    return number;
}

}  // namespace

const char* plain_value_end(HoleKind kind, const char* at, const char* end) noexcept {
    constexpr std::ptrdiff_t k_count_digits = 9;     // of numbers that fit
    constexpr std::ptrdiff_t k_ignored_digits = 18;  // of those that need not
    if (is_text(kind)) {
        return plain_text_end(at, end);
    }
    return whole_number_end(at, end, is_read(kind) ? k_count_digits : k_ignored_digits);
}

void MessageMold::take(std::string_view message, std::span<const Hole> holes, const Delta& delta) {
    bytes_.clear();
    places_.clear();
    std::size_t at = 0;
    for (const Hole& hole : holes) {
        bytes_.append(message.substr(at, hole.at - at));
        places_.push_back({hole.kind, hole.at - at});
        at = hole.at + hole.size;
    }
    bytes_.append(message.substr(at));
    usage_ = delta.usage;
    has_usage_ = delta.has_usage;
    const auto read = std::find_if(holes.begin(), holes.end(), [](const Hole& hole) { return is_read(hole.kind); });
    ignored_ = static_cast<std::size_t>(read - holes.begin());
    begun_bytes_ = 0;
    beginning_.clear();
    if (ignored_ > 0) {
        const Hole& last = holes[ignored_ - 1];
        beginning_ = message.substr(0, last.at + last.size + 1);
        for (std::size_t i = 0; i < ignored_; ++i) {
            begun_bytes_ += places_[i].before;
        }
    }
}

bool MessageMold::read(std::string_view message, Delta& delta) {
    Rest rest{.bytes = bytes_, .message = message};
    if (bytes_.empty() || !begin(rest)) {
        return false;
    }
    delta = {};
    delta.usage = usage_;
    delta.has_usage = has_usage_;
    std::string_view alias;
    for (std::size_t i = ignored_; i < places_.size(); ++i) {
        std::string_view value;
        if (!rest.pass(places_[i], value)) {
            return false;
        }
        switch (places_[i].kind) {
            case HoleKind::ignored_text:
            case HoleKind::ignored_number: break;
            case HoleKind::output: delta.output = value; break;
            case HoleKind::reasoning: delta.reasoning = value; break;
            case HoleKind::reasoning_alias: alias = value; break;
            case HoleKind::prompt_tokens: delta.usage.prompt_tokens = number_of(value); break;
            case HoleKind::completion_tokens: delta.usage.completion_tokens = number_of(value); break;
            case HoleKind::total_tokens: delta.usage.total_tokens = number_of(value); break;
        }
    }
    if (delta.reasoning.empty()) {
        delta.reasoning = alias;
    }
    return rest.bytes == rest.message;
}

/// Passes the values before the first one that is read: the same as last time, within a stream, or others.
bool MessageMold::begin(Rest& rest) {
    if (rest.message.starts_with(beginning_)) {
        rest.message.remove_prefix(beginning_.size() - (ignored_ > 0 ? 1 : 0));
        rest.bytes.remove_prefix(begun_bytes_);
        return true;
    }
    const std::string_view message = rest.message;
    std::string_view ignored;
    for (std::size_t i = 0; i < ignored_; ++i) {
        if (!rest.pass(places_[i], ignored)) {
            return false;
        }
    }
    beginning_ = message.substr(0, message.size() - rest.message.size() + 1);
    return !rest.message.empty();
}

bool MessageMold::Rest::pass(const Place& place, std::string_view& value) noexcept {
    if (!message.starts_with(bytes.substr(0, place.before))) {
        return false;
    }
    bytes.remove_prefix(place.before);
    message.remove_prefix(place.before);
    const char* const end = plain_value_end(place.kind, message.data(), message.data() + message.size());
    if (end == nullptr) {
        return false;
    }
    value = message.substr(0, static_cast<std::size_t>(end - message.data()));
    message.remove_prefix(value.size());
    return true;
}

bool MessageMolds::read(std::string_view message, Delta& delta) {
    // A server whose messages are never alike: a mold is tried and taken now and then only.
    constexpr std::size_t k_patience = 64;
    tried_ = misses_ < k_patience || misses_ % k_patience == 0;
    ++misses_;
    if (!tried_ || !read_any(message, delta)) {
        return false;
    }
    misses_ = 0;
    return true;
}

bool MessageMolds::read_any(std::string_view message, Delta& delta) {
    const std::size_t before = last_;
    const std::size_t likely = followers_[before];
    if (molds_[likely].read(message, delta)) {
        last_ = likely;
        return true;
    }
    for (std::size_t i = 0; i < k_molds; ++i) {
        if (i != likely && molds_[i].read(message, delta)) {
            followers_[before] = likely == before ? likely : i;  // a kind that comes in rows is expected again
            last_ = i;
            return true;
        }
    }
    return false;
}

void MessageMolds::take(std::string_view message, std::span<const Hole> holes, const Delta& delta) {
    if (!tried_) {
        return;
    }
    molds_[next_].take(message, holes, delta);
    followers_[last_] = followers_[last_] == last_ ? last_ : next_;
    last_ = next_;
    next_ = (next_ + 1) % k_molds;
    followers_[last_] = next_;
}

}  // namespace aiperf::endpoint
