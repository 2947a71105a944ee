#include "aiperf/mock/request_parser.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace aiperf::mock {

namespace {

constexpr std::size_t k_max_chunk_line = 4096;
constexpr std::size_t k_max_headers = 1000;

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same_word(std::string_view text, std::string_view lower_case) noexcept {
    return text.size() == lower_case.size() &&
           std::equal(text.begin(), text.end(), lower_case.begin(), [](char a, char b) { return lower(a) == b; });
}

std::string_view trim(std::string_view text) noexcept {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

/// Calls use(token) for each member of a comma-separated list.
template <class Use>
void for_each_token(std::string_view list, Use use) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        use(trim(list.substr(0, comma)));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
}

bool is_token_char(char c) noexcept {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// Takes the next line off `rest`, without its LF or CRLF.
std::string_view next_line(std::string_view& rest) noexcept {
    const std::size_t lf = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, lf);
    rest.remove_prefix(std::min(lf + 1, rest.size()));
    if (!line.empty() && line.back() == '\r') {
        line.remove_suffix(1);
    }
    return line;
}

std::string_view path_of(std::string_view target) noexcept {
    if (!target.empty() && target.front() != '/') {
        const std::size_t scheme = target.find("://");
        if (scheme != std::string_view::npos) {
            const std::size_t slash = target.find('/', scheme + 3);
            target = slash == std::string_view::npos ? "/" : target.substr(slash);
        }
    }
    return target.substr(0, std::min(target.find_first_of("?#"), target.size()));
}

}  // namespace

void RequestParser::reset() noexcept {
    const ParserLimits limits = limits_;
    std::vector<HeaderSpan> spans = std::move(header_spans_);
    auto headers = std::move(request_.headers);
    *this = RequestParser(limits);
    spans.clear();
    headers.clear();
    header_spans_ = std::move(spans);
    request_.headers = std::move(headers);
}

RequestParser::Status RequestParser::fail(std::uint16_t status, std::string_view message) noexcept {
    stage_ = Stage::failed;
    error_status_ = status;
    error_message_ = message;
    return Status::failed;
}

RequestParser::Status RequestParser::advance(char* data, std::size_t size) {
    if (stage_ == Stage::failed) {
        return Status::failed;
    }
    if (stage_ == Stage::head) {
        const bool found = find_head_end(data, size);
        if ((found ? body_begin_ : size) > limits_.head_bytes) {
            return fail(431, "the request head is too large");
        }
        if (!found) {
            return Status::need_more;
        }
        if (!parse_head(data) || !choose_body()) {
            return Status::failed;
        }
    }
    if (stage_ == Stage::sized_body) {
        if (size - body_begin_ < content_length_) {
            return Status::need_more;
        }
        body_end_ = read_at_ = body_begin_ + content_length_;
        stage_ = Stage::done;
    }
    if (stage_ != Stage::done && advance_chunked(data, size) != Status::complete) {
        return stage_ == Stage::failed ? Status::failed : Status::need_more;
    }
    expects_continue_ = false;
    finish(data);
    return Status::complete;
}

bool RequestParser::find_head_end(const char* data, std::size_t size) noexcept {
    while (head_begin_ < size && scan_at_ == head_begin_ && (data[head_begin_] == '\r' || data[head_begin_] == '\n')) {
        scan_at_ = ++head_begin_;
    }
    while (scan_at_ < size) {
        const void* hit = std::memchr(data + scan_at_, '\n', size - scan_at_);
        if (hit == nullptr) {
            scan_at_ = size;
            return false;
        }
        const auto lf = static_cast<std::size_t>(static_cast<const char*>(hit) - data);
        if (lf + 1 >= size || (data[lf + 1] == '\r' && lf + 2 >= size)) {
            scan_at_ = lf;  // what follows decides; look at this line feed again
            return false;
        }
        const std::size_t next = data[lf + 1] == '\r' ? lf + 2 : lf + 1;
        if (data[next] == '\n') {
            body_begin_ = body_end_ = read_at_ = next + 1;
            return true;
        }
        scan_at_ = lf + 1;
    }
    return false;
}

bool RequestParser::parse_head(const char* data) {
    std::string_view rest(data + head_begin_, body_begin_ - head_begin_);
    if (!parse_request_line(next_line(rest))) {
        return false;
    }
    std::size_t count = 0;
    while (!rest.empty()) {
        const std::string_view line = next_line(rest);
        if (line.empty()) {
            break;
        }
        if (++count > k_max_headers) {
            fail(431, "too many header fields");
            return false;
        }
        if (!parse_header(data, line)) {
            return false;
        }
    }
    return true;
}

bool RequestParser::parse_request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    const auto refuse = [this] { return fail(400, "the request line is malformed") == Status::complete; };
    if (first == std::string_view::npos || first == 0 || last <= first + 1) {
        return refuse();
    }
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    if (!std::all_of(method.begin(), method.end(), is_token_char) ||
        target.find_first_of(" \t") != std::string_view::npos || !version.starts_with("HTTP/")) {
        return refuse();
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        fail(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
        return false;
    }
    request_.legacy = version == "HTTP/1.0";
    request_.keep_alive = !request_.legacy;
    method_size_ = method.size();
    target_size_ = target.size();
    return true;
}

bool RequestParser::parse_header(const char* data, std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == 0 || colon == std::string_view::npos ||
        !std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), is_token_char)) {
        fail(400, "a header line is malformed");
        return false;
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (limits_.keep_headers) {
        header_spans_.push_back({static_cast<std::size_t>(name.data() - data),
                                 name.size(),
                                 static_cast<std::size_t>(value.data() - data),
                                 value.size()});
    }
    return note_header(name, value);
}

bool RequestParser::note_header(std::string_view name, std::string_view value) {
    switch (name.size()) {
        case 6:
            if (same_word(name, "expect")) {
                expects_continue_ = same_word(value, "100-continue");
            }
            return true;
        case 10:
            if (same_word(name, "connection")) {
                for_each_token(value, [this](std::string_view token) {
                    if (same_word(token, "close")) {
                        request_.keep_alive = false;
                    } else if (same_word(token, "keep-alive")) {
                        request_.keep_alive = true;
                    }
                });
            }
            return true;
        case 14: return !same_word(name, "content-length") || note_length(value);
        case 17: return !same_word(name, "transfer-encoding") || note_transfer_encoding(value);
        default: return true;
    }
}

bool RequestParser::note_length(std::string_view value) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (error == std::errc::result_out_of_range) {
        fail(413, "the request body is too large");
        return false;
    }
    if (error != std::errc() || end != value.data() + value.size() || (has_length_ && length != content_length_)) {
        fail(400, "Content-Length is malformed");
        return false;
    }
    has_length_ = true;
    content_length_ = length;
    return true;
}

bool RequestParser::note_transfer_encoding(std::string_view value) {
    if (chunked_ || !same_word(value, "chunked")) {
        fail(501, "the only transfer coding understood here is chunked");
        return false;
    }
    chunked_ = true;
    return true;
}

bool RequestParser::choose_body() noexcept {
    if (chunked_ && has_length_) {
        fail(400, "Content-Length and Transfer-Encoding exclude each other");
        return false;
    }
    if (content_length_ > limits_.body_bytes) {
        fail(413, "the request body is too large");
        return false;
    }
    stage_ = chunked_ ? Stage::chunk_size : content_length_ > 0 ? Stage::sized_body : Stage::done;
    return true;
}

RequestParser::Status RequestParser::advance_chunked(char* data, std::size_t size) {
    while (stage_ != Stage::done) {
        if (!step_chunked(data, size)) {
            return stage_ == Stage::failed ? Status::failed : Status::need_more;
        }
    }
    return Status::complete;
}

bool RequestParser::step_chunked(char* data, std::size_t size) {
    if (stage_ == Stage::chunk_data) {
        return take_chunk_data(data, size);
    }
    std::string_view line;
    if (!read_line(data, size, line)) {
        return false;
    }
    switch (stage_) {
        case Stage::chunk_size: return start_chunk(line);
        case Stage::chunk_end:
            if (!line.empty()) {
                fail(400, "a chunk is longer than its size");
                return false;
            }
            stage_ = Stage::chunk_size;
            return true;
        default: return take_trailer(line);
    }
}

bool RequestParser::read_line(const char* data, std::size_t size, std::string_view& line) {
    const std::size_t available = size - read_at_;
    const void* hit = available == 0 ? nullptr : std::memchr(data + read_at_, '\n', available);
    const std::size_t length =
        hit == nullptr ? available : static_cast<std::size_t>(static_cast<const char*>(hit) - data) - read_at_;
    if (length > k_max_chunk_line) {
        fail(400, "a line of the chunked body is too long");
        return false;
    }
    if (hit == nullptr) {
        return false;
    }
    line = std::string_view(data + read_at_, length);
    if (!line.empty() && line.back() == '\r') {
        line.remove_suffix(1);
    }
    read_at_ += length + 1;
    return true;
}

bool RequestParser::start_chunk(std::string_view line) {
    const std::string_view digits = trim(line.substr(0, std::min(line.find(';'), line.size())));
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length, 16);
    if (error == std::errc::invalid_argument || end != digits.data() + digits.size()) {
        fail(400, "a chunk size is malformed");
        return false;
    }
    if (error != std::errc() || length > limits_.body_bytes - (body_end_ - body_begin_)) {
        fail(413, "the request body is too large");
        return false;
    }
    chunk_left_ = length;
    stage_ = length == 0 ? Stage::trailer : Stage::chunk_data;
    return true;
}

bool RequestParser::take_chunk_data(char* data, std::size_t size) noexcept {
    const std::size_t take = std::min(chunk_left_, size - read_at_);
    if (take > 0) {
        std::memmove(data + body_end_, data + read_at_, take);
        body_end_ += take;
        read_at_ += take;
        chunk_left_ -= take;
    }
    if (chunk_left_ > 0) {
        return false;
    }
    stage_ = Stage::chunk_end;
    return true;
}

bool RequestParser::take_trailer(std::string_view line) {
    trailer_bytes_ += line.size();
    if (trailer_bytes_ > limits_.head_bytes) {
        fail(431, "the trailer is too large");
        return false;
    }
    if (line.empty()) {
        stage_ = Stage::done;
    }
    return true;
}

void RequestParser::finish(const char* data) noexcept {
    request_.method = {data + head_begin_, method_size_};
    request_.target = {data + head_begin_ + method_size_ + 1, target_size_};
    request_.path = path_of(request_.target);
    request_.body = {data + body_begin_, body_end_ - body_begin_};
    request_.headers.clear();
    for (const HeaderSpan& span : header_spans_) {
        request_.headers.emplace_back(std::string_view(data + span.name_begin, span.name_size),
                                      std::string_view(data + span.value_begin, span.value_size));
    }
}

}  // namespace aiperf::mock
