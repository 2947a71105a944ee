#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aiperf::http {

/// Incremental parser of server-sent events (WHATWG HTML, section 9.2), cut anywhere. Lines end by LF, CRLF or CR;
/// comments and `id`, `retry` fields are passed over; several `data` lines are joined by LF. Data that lies whole in
/// the fed bytes is handed on in place. Unlike a browser, and as AIPerf does, an event left open at the end of the
/// stream is delivered by finish(), and an event with a name but no data is delivered too (an error may come so).
///
/// `Sink` has `void on_event(std::string_view name, char* data, std::size_t size)`. `k_padding` bytes behind `data` may
/// be read (not written): the fed buffer must have them too. *Thread safety*: none.
class SseParser {
public:
    /// Bytes readable behind every buffer fed and every event handed on (what simdjson asks for).
    static constexpr std::size_t k_padding = 64;

    /// Longest event, in bytes; a longer one is cut off there and delivered with what it has.
    static constexpr std::size_t k_event_limit = 256UL * 1024 * 1024;

    /// Begins with the next stream.
    void reset() noexcept;

    template <class Sink>
    /// Reads bytes of the stream and changes them in place; `sink` gets each event as it is complete.
    void feed(char* data, std::size_t size, Sink& sink);

    /// True where no event has begun.
    [[nodiscard]] bool is_between() const noexcept {
        return !has_data_ && !skip_lf_ && (mark_seen_ == 0 || mark_seen_ == 3) && partial_.empty() && name_.empty();
    }

    /// Data of the event that `bytes` are where they are a whole one of a single line: "data: ", the data, an empty
    /// line. Empty: they are something else, or belong to an event that has begun. *Precondition*: the data has no line
    /// end in it, or the bytes are fed all the same; else pass_event() tells that they were taken.
    [[nodiscard]] std::string_view lone_event(std::string_view bytes) const noexcept;

    /// The bytes of lone_event() were taken by the caller.
    void pass_event() noexcept { mark_seen_ = 3; }

    template <class Sink>
    /// The stream is over: `sink` gets an event whose blank line is missing, too.
    void finish(Sink& sink);

private:
    template <class Sink>
    void line(char* data, std::size_t size, Sink& sink);
    template <class Sink>
    void dispatch(Sink& sink);
    void add_data(char* data, std::size_t size);
    void own_data();
    void add_partial(const char* data, std::size_t size);
    /// Skips a byte order mark at the very beginning, even in pieces. Returns the bytes used.
    std::size_t skip_mark(const char* data, std::size_t size) noexcept;
    static std::size_t line_length(const char* data, std::size_t size) noexcept;
    /// Field names match in any case, as AIPerf's do.
    static bool is_field(std::string_view field, std::string_view lower_case_name) noexcept;

    std::string partial_;  // beginning of a line whose end has not come
    std::string data_;     // data of the open event, where it is not in place
    std::string name_;     // `event` field of the open event
    char* in_place_ = nullptr;
    std::size_t in_place_size_ = 0;
    bool has_data_ = false;
    bool skip_lf_ = false;       // the last line ended by CR: an LF right after it belongs to it
    std::size_t mark_seen_ = 0;  // bytes of the byte order mark seen; 3 = past the beginning
};

template <class Sink>
void SseParser::feed(char* data, std::size_t size, Sink& sink) {
    std::size_t at = mark_seen_ < 3 ? skip_mark(data, size) : 0;
    while (at < size) {
        if (skip_lf_) {
            skip_lf_ = false;
            if (data[at] == '\n') {
                ++at;
                continue;
            }
        }
        if (data[at] == '\n' && partial_.empty()) {
            ++at;
            dispatch(sink);
            continue;
        }
        const std::size_t length = line_length(data + at, size - at);
        if (at + length == size) {
            add_partial(data + at, length);
            break;
        }
        skip_lf_ = data[at + length] == '\r';
        if (partial_.empty()) {
            line(data + at, length, sink);
        } else {
            add_partial(data + at, length);
            own_data();
            line(partial_.data(), partial_.size(), sink);
            own_data();  // partial_ is used again
            partial_.clear();
        }
        at += length + 1;
    }
    own_data();
}

template <class Sink>
void SseParser::finish(Sink& sink) {
    if (!partial_.empty()) {
        line(partial_.data(), partial_.size(), sink);
        own_data();
        partial_.clear();
    }
    dispatch(sink);
}

template <class Sink>
void SseParser::line(char* data, std::size_t size, Sink& sink) {
    if (size == 0) {
        return dispatch(sink);
    }
    const std::string_view text(data, size);
    if (text.starts_with("data: ")) {
        return add_data(data + 6, size - 6);
    }
    const std::size_t colon = text.find(':');
    if (colon == 0) {
        return;  // a comment
    }
    const std::string_view field = text.substr(0, colon);
    std::size_t value = colon == std::string_view::npos ? size : colon + 1;
    value += value < size && data[value] == ' ' ? 1 : 0;
    if (is_field(field, "data")) {
        add_data(data + value, size - value);
    } else if (is_field(field, "event")) {
        name_.assign(data + value, size - value);
    }
}

template <class Sink>
void SseParser::dispatch(Sink& sink) {
    if (has_data_ || !name_.empty()) {
        if (in_place_ == nullptr) {
            data_.reserve(data_.size() + k_padding);
            sink.on_event(name_, data_.data(), data_.size());
        } else {
            sink.on_event(name_, in_place_, in_place_size_);
        }
    }
    has_data_ = false;
    in_place_ = nullptr;
    data_.clear();
    name_.clear();
}

}  // namespace aiperf::http
