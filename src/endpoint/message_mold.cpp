#include "message_mold.hpp"

#include "aiperf/endpoint/plain_text.hpp"

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
inline const char* text_end(const char* at, const char* end, bool& is_ascii) noexcept {
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

const char* plain_text_end(const char* at, const char* end) noexcept {
    bool is_ascii = false;
    const char* const stop = text_end(at, end, is_ascii);
    const bool whole = stop != end && *stop == '"';
    return whole && (is_ascii || simdjson::validate_utf8(at, static_cast<std::size_t>(stop - at))) ? stop : nullptr;
}

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
    tail_ = message.size() - at;
    bytes_.append(message.substr(at));
    one_line_ = bytes_.find_first_of("\r\n") == std::string::npos;
    usage_ = delta.usage;
    has_usage_ = delta.has_usage;
    const auto read = std::find_if(holes.begin(), holes.end(), [](const Hole& hole) { return is_read(hole.kind); });
    ignored_ = static_cast<std::size_t>(read - holes.begin());
    beginning_ = message.substr(0, read == holes.end() ? message.size() : read->at);
    begun_bytes_ = bytes_before(ignored_);
    for (std::size_t i = 0; i < ignored_; ++i) {
        begun_bytes_ += places_[i].before;
    }
}

bool MessageMold::read(std::string_view message, Delta& delta) {
    if (bytes_.empty() || !message.ends_with(std::string_view(bytes_).substr(bytes_.size() - tail_))) {
        return false;
    }
    Rest rest{.bytes = bytes_, .message = message};
    if (message.starts_with(beginning_)) {  // within a stream
        rest.bytes.remove_prefix(begun_bytes_);
        rest.message.remove_prefix(beginning_.size());
    } else if (!begin(rest)) {
        return false;
    }
    delta = {};
    delta.usage = usage_;
    delta.has_usage = has_usage_;
    if (ignored_ == places_.size()) {
        return rest.message.empty();
    }
    for (std::size_t i = ignored_;;) {
        std::string_view value;
        if (!rest.pass_value(places_[i].kind, value)) {
            return false;
        }
        put(places_[i].kind, value, delta);
        if (++i == places_.size()) {
            return rest.message.size() == tail_;
        }
        if (!rest.pass_bytes(places_[i].before)) {
            return false;
        }
    }
}

void MessageMold::put(HoleKind kind, std::string_view value, Delta& delta) noexcept {
    switch (kind) {
        case HoleKind::ignored_text:
        case HoleKind::ignored_number: break;
        case HoleKind::output: delta.output = value; break;
        case HoleKind::reasoning: delta.reasoning = value.empty() ? delta.reasoning : value; break;
        case HoleKind::reasoning_alias: delta.reasoning = delta.reasoning.empty() ? value : delta.reasoning; break;
        case HoleKind::prompt_tokens: delta.usage.prompt_tokens = number_of(value); break;
        case HoleKind::completion_tokens: delta.usage.completion_tokens = number_of(value); break;
        case HoleKind::total_tokens: delta.usage.total_tokens = number_of(value); break;
    }
}

/// Passes all up to the first value that is read, with other values than last time.
bool MessageMold::begin(Rest& rest) {
    if (ignored_ == 0) {
        return false;
    }
    const std::string_view message = rest.message;
    std::string_view value;
    for (std::size_t i = 0; i < ignored_; ++i) {
        if (!rest.pass_bytes(places_[i].before) || !rest.pass_value(places_[i].kind, value)) {
            return false;
        }
    }
    if (!rest.pass_bytes(bytes_before(ignored_))) {
        return false;
    }
    beginning_ = message.substr(0, message.size() - rest.message.size());
    return true;
}

std::size_t MessageMold::bytes_before(std::size_t place) const noexcept {
    return place < places_.size() ? places_[place].before : tail_;
}

bool MessageMold::Rest::pass_bytes(std::size_t size) noexcept {
    if (message.size() < size || std::memcmp(message.data(), bytes.data(), size) != 0) {
        return false;
    }
    bytes.remove_prefix(size);
    message.remove_prefix(size);
    return true;
}

inline bool MessageMold::Rest::pass_value(HoleKind kind, std::string_view& value) noexcept {
    const char* const begin = message.data();
    const char* const end = begin + message.size();
    const char* const stop = is_text(kind) ? plain_text_end(begin, end) : plain_value_end(kind, begin, end);
    if (stop == nullptr) {
        return false;
    }
    value = message.substr(0, static_cast<std::size_t>(stop - begin));
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
