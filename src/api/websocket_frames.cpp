#include "websocket_frames.hpp"

#include <algorithm>

namespace aiperf::api {

namespace {

constexpr std::uint8_t k_continuation = 0x0;
constexpr std::uint8_t k_text = 0x1;
constexpr std::uint8_t k_binary = 0x2;
constexpr std::uint8_t k_close = 0x8;
constexpr std::uint8_t k_ping = 0x9;
constexpr std::uint8_t k_pong = 0xa;

constexpr std::uint8_t k_final_bit = 0x80;
constexpr std::uint8_t k_reserved_bits = 0x70;
constexpr std::uint8_t k_mask_bit = 0x80;
constexpr std::uint8_t k_length_bits = 0x7f;
constexpr std::uint8_t k_two_bytes = 126;    // the length follows in so many
constexpr std::uint8_t k_eight_bytes = 127;  // the length follows in so many
constexpr std::uint64_t k_most_control_bytes = 125;
constexpr std::size_t k_mask_bytes = 4;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) noexcept {
    return static_cast<std::uint8_t>(bytes[at]);
}

std::uint64_t number_of(std::string_view bytes) noexcept {
    std::uint64_t number = 0;
    for (const char byte : bytes) {
        number = number << 8U | static_cast<std::uint8_t>(byte);
    }
    return number;
}

void append_number(std::string& out, std::uint64_t number, unsigned bytes) {
    for (unsigned left = bytes; left > 0; --left) {
        out += static_cast<char>(number >> (8U * (left - 1)) & 0xffU);
    }
}

bool is_opcode(std::uint8_t opcode) noexcept {
    return opcode <= k_binary || (opcode >= k_close && opcode <= k_pong);
}

/// Codes that may stand in a close frame: 1004 to 1006 and 1015 may not, and others below 3000 mean nothing yet.
bool may_be_sent(std::uint64_t code) noexcept {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

std::string frame(std::uint8_t opcode, std::string_view payload) {
    std::string out;
    out.reserve(payload.size() + 10);
    out += static_cast<char>(k_final_bit | opcode);
    if (payload.size() < k_two_bytes) {
        out += static_cast<char>(payload.size());
    } else if (payload.size() <= 0xffff) {
        out += static_cast<char>(k_two_bytes);
        append_number(out, payload.size(), 2);
    } else {
        out += static_cast<char>(k_eight_bytes);
        append_number(out, payload.size(), 8);
    }
    return out.append(payload);
}

}  // namespace

bool Utf8Check::begin(std::uint8_t byte) noexcept {
    least_ = 0x80;
    most_ = 0xbf;
    if (byte < 0x80) {
        left_ = 0;
    } else if (byte >= 0xc2 && byte <= 0xdf) {
        left_ = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        left_ = 2;
        least_ = byte == 0xe0 ? 0xa0 : 0x80;  // below: an overlong form
        most_ = byte == 0xed ? 0x9f : 0xbf;   // above: a surrogate
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        left_ = 3;
        least_ = byte == 0xf0 ? 0x90 : 0x80;
        most_ = byte == 0xf4 ? 0x8f : 0xbf;  // above: beyond U+10FFFF
    } else {
        return false;
    }
    return true;
}

bool Utf8Check::take(std::uint8_t byte) noexcept {
    if (left_ == 0) {
        return begin(byte);
    }
    if (byte < least_ || byte > most_) {
        return false;
    }
    --left_;
    least_ = 0x80;
    most_ = 0xbf;
    return true;
}

bool Utf8Check::feed(std::string_view bytes) noexcept {
    return std::all_of(bytes.begin(), bytes.end(), [this](char c) { return take(static_cast<std::uint8_t>(c)); });
}

void WebSocketReader::feed(std::string_view bytes, std::vector<WebSocketEvent>& out) {
    while (!bytes.empty() && !failure_ && !closed_) {
        if (in_payload_) {
            take_payload(bytes, out);
        } else {
            take_head(bytes, out);
        }
    }
}

std::size_t WebSocketReader::head_size() const noexcept {
    if (head_bytes_.size() < 2) {
        return 2;
    }
    const std::uint8_t length = byte_at(head_bytes_, 1) & k_length_bits;
    const std::size_t more = length == k_eight_bytes ? 8 : length == k_two_bytes ? 2 : 0;
    return 2 + more + k_mask_bytes;
}

WebSocketReader::Head WebSocketReader::parsed_head() const noexcept {
    Head head;
    const std::string_view bytes = head_bytes_;
    head.opcode = byte_at(bytes, 0) & 0x0fU;
    head.is_final = (byte_at(bytes, 0) & k_final_bit) != 0;
    const std::size_t before_mask = bytes.size() - k_mask_bytes;
    head.length = before_mask == 2 ? byte_at(bytes, 1) & k_length_bits : number_of(bytes.substr(2, before_mask - 2));
    bytes.copy(head.mask, k_mask_bytes, before_mask);
    return head;
}

/// What the first two bytes give away.
std::optional<CloseCode> WebSocketReader::fault_of_start() const noexcept {
    const std::uint8_t first = byte_at(head_bytes_, 0);
    const std::uint8_t second = byte_at(head_bytes_, 1);
    const std::uint8_t opcode = first & 0x0fU;
    const bool is_control = (opcode & 0x8U) != 0;
    const bool begins = opcode == k_text || opcode == k_binary;
    const bool wrong =
        (first & k_reserved_bits) != 0 || !is_opcode(opcode) || (second & k_mask_bit) == 0 ||
        (is_control && ((first & k_final_bit) == 0 || (second & k_length_bits) > k_most_control_bytes)) ||
        (begins && message_is_text_) || (opcode == k_continuation && !message_is_text_);
    return wrong ? std::optional(CloseCode::protocol_error) : std::nullopt;
}

std::optional<CloseCode> WebSocketReader::fault_of_head() const noexcept {
    const std::size_t size = head_bytes_.size();
    const bool too_long_a_form = (size == 2 + 2 + k_mask_bytes && head_.length < k_two_bytes) ||
                                 (size == 2 + 8 + k_mask_bytes && head_.length <= 0xffff);
    if (too_long_a_form || (head_.length >> 63U) != 0) {
        return CloseCode::protocol_error;
    }
    if (!head_.is_control() && (head_.length > most_bytes_ - message_.size() || fragments_ >= k_most_fragments)) {
        return CloseCode::too_big;
    }
    return std::nullopt;
}

void WebSocketReader::take_head(std::string_view& bytes, std::vector<WebSocketEvent>& out) {
    const std::size_t count = std::min(bytes.size(), head_size() - head_bytes_.size());
    const bool had_start = head_bytes_.size() >= 2;
    head_bytes_ += bytes.substr(0, count);
    bytes.remove_prefix(count);
    if (!had_start && head_bytes_.size() >= 2) {
        failure_ = fault_of_start();
    }
    if (failure_ || head_bytes_.size() < head_size()) {
        return;
    }
    head_ = parsed_head();
    failure_ = fault_of_head();
    if (!failure_) {
        begin_frame(out);
    }
}

void WebSocketReader::begin_frame(std::vector<WebSocketEvent>& out) {
    head_bytes_.clear();
    in_payload_ = true;
    left_ = head_.length;
    if (!head_.is_control()) {
        ++fragments_;
        if (head_.opcode != k_continuation) {
            message_is_text_ = head_.opcode == k_text;
        }
    }
    if (left_ == 0) {
        end_frame(out);
    }
}

void WebSocketReader::take_payload(std::string_view& bytes, std::vector<WebSocketEvent>& out) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_));
    std::string& target = head_.is_control() ? control_ : message_;
    const std::size_t from = target.size();
    target += bytes.substr(0, count);
    const std::uint64_t done = head_.length - left_;
    for (std::size_t i = 0; i < count; ++i) {
        char& byte = target[from + i];
        byte = static_cast<char>(static_cast<std::uint8_t>(byte) ^
                                 static_cast<std::uint8_t>(head_.mask[(done + i) % k_mask_bytes]));
    }
    bytes.remove_prefix(count);
    left_ -= count;
    const bool is_text = !head_.is_control() && message_is_text_ == true;
    if (is_text && !utf8_.feed(std::string_view(target).substr(from))) {
        failure_ = CloseCode::invalid_text;
    } else if (left_ == 0) {
        end_frame(out);
    }
}

void WebSocketReader::end_frame(std::vector<WebSocketEvent>& out) {
    in_payload_ = false;
    if (!head_.is_control()) {
        if (head_.is_final) {
            end_message(out);
        }
        return;
    }
    if (head_.opcode == k_close) {
        end_close(out);
    } else {
        const bool is_ping = head_.opcode == k_ping;
        out.push_back({is_ping ? WebSocketEvent::Kind::ping : WebSocketEvent::Kind::pong, std::move(control_), {}});
    }
    control_.clear();
}

void WebSocketReader::end_message(std::vector<WebSocketEvent>& out) {
    const bool is_text = message_is_text_ == true;
    if (is_text && !utf8_.is_whole()) {
        failure_ = CloseCode::invalid_text;
        return;
    }
    out.push_back({is_text ? WebSocketEvent::Kind::text : WebSocketEvent::Kind::binary, std::move(message_), {}});
    message_.clear();
    message_is_text_.reset();
    fragments_ = 0;
}

void WebSocketReader::end_close(std::vector<WebSocketEvent>& out) {
    WebSocketEvent event{WebSocketEvent::Kind::close, {}, {}};
    if (!control_.empty()) {
        const std::uint64_t code = number_of(std::string_view(control_).substr(0, 2));
        Utf8Check check;
        event.payload = control_.substr(std::min<std::size_t>(2, control_.size()));
        if (control_.size() == 1 || !may_be_sent(code)) {
            failure_ = CloseCode::protocol_error;
            return;
        }
        if (!check.feed(event.payload) || !check.is_whole()) {
            failure_ = CloseCode::invalid_text;
            return;
        }
        event.code = static_cast<std::uint16_t>(code);
    }
    closed_ = true;
    out.push_back(std::move(event));
}

std::string text_frame(std::string_view text) {
    return frame(k_text, text);
}

std::string ping_frame() {
    return frame(k_ping, {});
}

std::string pong_frame(std::string_view payload) {
    return frame(k_pong, payload);
}

std::string close_frame(CloseCode code, std::string_view reason) {
    std::string payload;
    append_number(payload, static_cast<std::uint16_t>(code), 2);
    return frame(k_close, payload.append(reason));
}

std::string close_answer(std::optional<std::uint16_t> code) {
    return code ? close_frame(static_cast<CloseCode>(*code)) : frame(k_close, {});
}

}  // namespace aiperf::api
