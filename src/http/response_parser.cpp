#include "aiperf/http/response_parser.hpp"

#include "aiperf/base/text.hpp"
#include "aiperf/http/chunk.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

namespace aiperf::http {

/// What the header lines said, before framing is decided.
struct HeadFacts {
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool connection_close = false;
    bool connection_keep_alive = false;
    bool http_1_0 = false;
};

namespace {

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t';
}

/// Without the white space around it; line ends count as such, since a folded value may hold some.
std::string_view trim(std::string_view text) noexcept {
    const auto is_white = [](char c) { return is_blank(c) || c == '\r' || c == '\n'; };
    while (!text.empty() && is_white(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_white(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

/// Takes the first line off `head`, which ends with a line end, and returns it without its own. `folded`: lines that
/// begin with white space go on with it (RFC 9112, section 5.2).
std::string_view take_line(std::string_view& head, bool folded) noexcept {
    std::size_t lf = head.find('\n');
    while (folded && lf + 1 < head.size() && is_blank(head[lf + 1])) {
        lf = head.find('\n', lf + 1);
    }
    std::string_view line = head.substr(0, lf);
    head.remove_prefix(lf + 1);
    if (!line.empty() && line.back() == '\r') {
        line.remove_suffix(1);
    }
    return line;
}

template <class Visit>
void for_each_token(std::string_view list, Visit visit) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        visit(trim(list.substr(0, comma)));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
}

/// End of the head (one past the blank line), or npos. `from`: where to look on.
std::size_t find_head_end(std::string_view bytes, std::size_t from) noexcept {
    for (std::size_t at = from; at < bytes.size(); ++at) {
        const void* hit = std::memchr(bytes.data() + at, '\n', bytes.size() - at);
        if (hit == nullptr) {
            return std::string_view::npos;
        }
        at = static_cast<std::size_t>(static_cast<const char*>(hit) - bytes.data());
        if (at + 1 < bytes.size() && bytes[at + 1] == '\n') {
            return at + 2;
        }
        if (at + 2 < bytes.size() && bytes[at + 1] == '\r' && bytes[at + 2] == '\n') {
            return at + 3;
        }
    }
    return std::string_view::npos;
}

bool parse_status_line(std::string_view line, ResponseHead& head, HeadFacts& facts) {
    // HTTP/1.x SP 3DIGIT [SP reason]
    if (line.size() < 12 || line.substr(0, 7) != "HTTP/1." || line[8] != ' ') {
        return false;
    }
    if (line[7] != '0' && line[7] != '1') {
        return false;
    }
    facts.http_1_0 = line[7] == '0';
    const char* const end = line.data() + 12;
    const auto [stop, status] = std::from_chars(line.data() + 9, end, head.status);
    if (status != std::errc{} || stop != end || head.status < 100 || (line.size() > 12 && line[12] != ' ')) {
        return false;
    }
    head.reason = line.size() > 13 ? trim(line.substr(13)) : std::string_view{};
    return true;
}

}  // namespace

std::string_view message(ParseError error) noexcept {
    switch (error) {
        case ParseError::none: return "no error";
        case ParseError::bad_status_line: return "the answer does not begin with an HTTP/1.x status line";
        case ParseError::bad_header: return "a malformed header line";
        case ParseError::head_too_large: return "the head of the answer is over 65536 bytes";
        case ParseError::both_lengths: return "both Content-Length and Transfer-Encoding are given";
        case ParseError::bad_content_length: return "an unusable Content-Length";
        case ParseError::bad_transfer_coding: return "a transfer coding other than chunked";
        case ParseError::bad_chunk: return "malformed chunked coding";
        case ParseError::content_encoding: return "a content encoding that is not read here";
        case ParseError::interim_answers: return "more than 16 interim (1xx) answers";
        case ParseError::truncated: return "the connection closed before the end of the body";
    }
    return "unknown error";
}

ParseError take_field(ResponseHead& head, std::string_view name, std::string_view value) noexcept {
    if (base::equals_ignoring_case(name, "content-type")) {
        const std::string_view type = trim(value.substr(0, value.find(';')));
        head.event_stream = base::equals_ignoring_case(type, "text/event-stream");
    } else if (base::equals_ignoring_case(name, "content-encoding")) {
        bool known = false;
        const Coding coding = coding_of(value, known);
        if (!known || (head.coding != Coding::none && coding != Coding::none)) {
            return ParseError::content_encoding;
        }
        head.coding = coding != Coding::none ? coding : head.coding;
    } else if (base::equals_ignoring_case(name, "location")) {
        head.location = value;
    }
    return ParseError::none;
}

std::string_view reason_phrase(int status) noexcept {
    constexpr std::pair<int, std::string_view> k_phrases[] = {{200, "OK"},
                                                              {201, "Created"},
                                                              {202, "Accepted"},
                                                              {204, "No Content"},
                                                              {301, "Moved Permanently"},
                                                              {302, "Found"},
                                                              {303, "See Other"},
                                                              {304, "Not Modified"},
                                                              {307, "Temporary Redirect"},
                                                              {308, "Permanent Redirect"},
                                                              {400, "Bad Request"},
                                                              {401, "Unauthorized"},
                                                              {403, "Forbidden"},
                                                              {404, "Not Found"},
                                                              {405, "Method Not Allowed"},
                                                              {408, "Request Timeout"},
                                                              {409, "Conflict"},
                                                              {413, "Content Too Large"},
                                                              {415, "Unsupported Media Type"},
                                                              {422, "Unprocessable Entity"},
                                                              {429, "Too Many Requests"},
                                                              {500, "Internal Server Error"},
                                                              {501, "Not Implemented"},
                                                              {502, "Bad Gateway"},
                                                              {503, "Service Unavailable"},
                                                              {504, "Gateway Timeout"}};
    for (const auto& [number, phrase] : k_phrases) {
        if (number == status) {
            return phrase;
        }
    }
    return {};
}

void ResponseParser::take_over(const ResponseHead& head) noexcept {
    head_ = head;
    head_complete_ = true;
    started_ = true;
    framing_ = Framing::length;  // the end is told by complete() alone
    state_ = State::body;
}

void ResponseParser::reset() noexcept {
    state_ = State::head;
    error_ = ParseError::none;
    framing_ = Framing::none;
    chunk_ = ChunkState::size;
    started_ = false;
    head_complete_ = false;
    chunk_digits_ = false;
    interim_ = 0;
    remaining_ = 0;
    body_bytes_ = 0;
    trailer_bytes_ = 0;
    head_bytes_.clear();
    head_ = {};
}

void ResponseParser::fail(ParseError error) noexcept {
    state_ = State::failed;
    error_ = error;
}

std::size_t ResponseParser::take_head(const char* data, std::size_t size) {
    if (head_bytes_.empty()) {
        const std::string_view bytes(data, size);
        if (!known_.bytes.empty() && bytes.starts_with(known_.bytes)) {
            take_known_head();
            return known_.bytes.size();
        }
        if (const std::size_t end = find_head_end(bytes, 0); end != std::string_view::npos) {
            if (end > k_head_limit) {
                fail(ParseError::head_too_large);
            } else {
                take_new_head(bytes.substr(0, end));
            }
            return end;
        }
    }
    const std::size_t before = head_bytes_.size();
    const std::size_t room = k_head_limit + 1 - before;
    head_bytes_.append(data, std::min(size, room));
    const std::size_t end = find_head_end(head_bytes_, before > 2 ? before - 3 : 0);
    if (end <= k_head_limit) {  // npos is not
        // What was copied beyond the head belongs to the body: it is fed again from the caller's buffer.
        head_bytes_.resize(end);
        parse_head(head_bytes_);
        if (!head_complete_ && state_ == State::head) {
            head_bytes_.clear();  // an interim answer
        }
        return end - before;
    }
    if (head_bytes_.size() > k_head_limit) {
        fail(ParseError::head_too_large);
    }
    return size;
}

/// Parses a head and keeps it: the next one is likely to be the same.
void ResponseParser::take_new_head(std::string_view head) {
    constexpr std::size_t k_most_kept = 1024;
    known_.bytes.clear();
    if (head.size() > k_most_kept) {
        return parse_head(head);
    }
    known_.bytes = head;
    parse_head(known_.bytes);
    if (!head_complete_) {  // an interim answer, or a failure
        return known_.bytes.clear();
    }
    known_.head = head_;
    known_.framing = framing_;
    known_.state = state_;
    known_.remaining = remaining_;
}

void ResponseParser::take_known_head() noexcept {
    head_ = known_.head;
    framing_ = known_.framing;
    state_ = known_.state;
    remaining_ = known_.remaining;
    head_complete_ = true;
}

void ResponseParser::parse_head(std::string_view head) {
    HeadFacts facts;
    head_ = {};
    if (!parse_status_line(take_line(head, false), head_, facts)) {
        return fail(ParseError::bad_status_line);
    }
    while (state_ != State::failed && !head.empty()) {
        if (const std::string_view line = take_line(head, true); !line.empty()) {
            parse_header_line(line, facts);
        }
    }
    if (state_ == State::failed) {
        return;
    }
    if (head_.status >= 200) {
        decide_framing(facts);
    } else if (head_.status == 101) {
        fail(ParseError::bad_status_line);  // no upgrade was asked for
    } else if (++interim_ > k_interim_limit) {
        fail(ParseError::interim_answers);
    }
}

void ResponseParser::parse_header_line(std::string_view line, HeadFacts& facts) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || is_blank(line[0]) || is_blank(line[colon - 1])) {
        return fail(ParseError::bad_header);
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (base::equals_ignoring_case(name, "content-length")) {
        std::uint64_t length = 0;
        const char* const end = value.data() + value.size();
        const auto [stop, status] = std::from_chars(value.data(), end, length);
        if (status != std::errc{} || stop != end || facts.content_length.value_or(length) != length) {
            return fail(ParseError::bad_content_length);
        }
        facts.content_length = length;
    } else if (base::equals_ignoring_case(name, "transfer-encoding")) {
        if (!base::equals_ignoring_case(value, "chunked") || facts.chunked) {
            return fail(ParseError::bad_transfer_coding);
        }
        facts.chunked = true;
    } else if (base::equals_ignoring_case(name, "connection")) {
        for_each_token(value, [&facts](std::string_view token) {
            facts.connection_close = facts.connection_close || base::equals_ignoring_case(token, "close");
            facts.connection_keep_alive =
                facts.connection_keep_alive || base::equals_ignoring_case(token, "keep-alive");
        });
    } else if (const ParseError error = take_field(head_, name, value); error != ParseError::none) {
        return fail(error);
    }
}

void ResponseParser::decide_framing(const HeadFacts& facts) {
    if (facts.chunked && facts.content_length) {
        return fail(ParseError::both_lengths);
    }
    head_complete_ = true;
    head_.keep_alive = !facts.connection_close && (!facts.http_1_0 || facts.connection_keep_alive);
    state_ = State::body;
    if (head_.status == 204 || head_.status == 304) {
        state_ = State::done;
    } else if (facts.chunked) {
        framing_ = Framing::chunked;
    } else if (facts.content_length) {
        framing_ = Framing::length;
        remaining_ = *facts.content_length;
        state_ = remaining_ == 0 ? State::done : State::body;
    } else {
        framing_ = Framing::until_close;
    }
}

std::size_t ResponseParser::take_chunk_bounds(const char* data, std::size_t size) noexcept {
    std::size_t at = 0;
    if (chunk_ == ChunkState::data_cr && size >= 2 && data[0] == '\r' && data[1] == '\n') {
        at = 2;
    } else if (chunk_ != ChunkState::size || chunk_digits_) {
        return 0;
    }
    chunk_ = ChunkState::size;
    const ChunkSize line = chunk_size({data + at, size - at});
    if (line.bytes > 0) {
        remaining_ = line.size;
        chunk_ = ChunkState::data;
    }
    return at + line.bytes;
}

void ResponseParser::chunk_size_step(char c) noexcept {
    constexpr std::uint64_t k_chunk_limit = std::uint64_t{1} << 40U;
    if (const int digit = hex_value(c); digit >= 0) {
        remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
        chunk_digits_ = true;
        if (remaining_ > k_chunk_limit) {
            fail(ParseError::bad_chunk);
        }
    } else if (!chunk_digits_) {
        fail(ParseError::bad_chunk);
    } else if (c == '\r') {
        chunk_ = ChunkState::size_lf;
    } else if (c == ';' || c == ' ' || c == '\t') {
        chunk_ = ChunkState::extension;
    } else {
        fail(ParseError::bad_chunk);
    }
}

bool ResponseParser::chunk_step(char c) noexcept {
    switch (chunk_) {
        case ChunkState::size: chunk_size_step(c); break;
        case ChunkState::extension:
            if (++trailer_bytes_ > k_head_limit || c == '\n') {
                fail(ParseError::bad_chunk);
            } else if (c == '\r') {
                chunk_ = ChunkState::size_lf;
            }
            break;
        case ChunkState::size_lf:
            if (c != '\n') {
                fail(ParseError::bad_chunk);
            } else {
                chunk_ = remaining_ == 0 ? ChunkState::trailer : ChunkState::data;
                chunk_digits_ = false;
                trailer_bytes_ = 0;
            }
            break;
        case ChunkState::data: break;
        case ChunkState::data_cr:
            chunk_ = ChunkState::data_lf;
            if (c != '\r') {
                fail(ParseError::bad_chunk);
            }
            break;
        case ChunkState::data_lf:
            chunk_ = ChunkState::size;
            if (c != '\n') {
                fail(ParseError::bad_chunk);
            }
            break;
        case ChunkState::trailer:  // at the beginning of a trailer line
            if (c == '\n') {
                state_ = State::done;
            } else if (++trailer_bytes_ > k_head_limit) {
                fail(ParseError::bad_chunk);
            } else {
                chunk_ = c == '\r' ? ChunkState::end_lf : ChunkState::trailer_line;
            }
            break;
        case ChunkState::end_lf:
            state_ = State::done;
            if (c != '\n') {
                fail(ParseError::bad_chunk);
            }
            break;
        case ChunkState::trailer_line:
            if (++trailer_bytes_ > k_head_limit) {
                fail(ParseError::bad_chunk);
            } else if (c == '\n') {
                chunk_ = ChunkState::trailer;
            }
            break;
    }
    return state_ == State::body;
}

void ResponseParser::finish() noexcept {
    if (state_ == State::body && framing_ == Framing::until_close) {
        state_ = State::done;
    } else if (state_ == State::head || state_ == State::body) {
        fail(ParseError::truncated);
    }
}

}  // namespace aiperf::http
