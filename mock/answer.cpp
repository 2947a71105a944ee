#include "aiperf/mock/answer.hpp"

#include "aiperf/mock/json_text.hpp"

#include <algorithm>
#include <charconv>

namespace aiperf::mock {

namespace {

bool has_content_type(const HeadFields& head) {
    constexpr std::string_view k_name = "content-type";
    return std::any_of(head.headers.begin(), head.headers.end(), [&](const auto& header) {
        return std::equal(header.first.begin(), header.first.end(), k_name.begin(), k_name.end(), [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b;
        });
    });
}

void append_number(std::string& out, std::size_t value, int base = 10) {
    char digits[24];
    const auto result = std::to_chars(digits, digits + sizeof digits, value, base);
    out.append(digits, result.ptr);
}

}  // namespace

std::string_view reason_phrase(std::uint16_t status) noexcept {
    switch (status) {
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 413: return "Content Too Large";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 499: return "Client Closed Request";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        case 529: return "Overloaded";
        default: return "Unknown";
    }
}

AnswerBuilder::AnswerBuilder(const HeadFields& head, Framing framing)
    : head_(head),
      framing_(framing) {
    answer_.status = head.status;
    answer_.close_after = framing.close;
}

void AnswerBuilder::write_head(std::string_view body_field) {
    std::string& out = answer_.bytes;
    out += "HTTP/1.1 ";
    append_number(out, head_.status);
    out += ' ';
    out += head_.reason.empty() ? reason_phrase(head_.status) : std::string_view(head_.reason);
    out += "\r\n";
    if (!head_.content_type.empty() && !has_content_type(head_)) {
        out += "Content-Type: " + head_.content_type + "\r\n";
    }
    for (const auto& [name, value] : head_.headers) {
        out += name + ": " + value + "\r\n";
    }
    out += body_field;
    if (answer_.close_after) {
        out += "Connection: close\r\n";
    } else if (framing_.legacy) {
        out += "Connection: keep-alive\r\n";
    }
    out += "\r\n";
    answer_.head_end = static_cast<std::uint32_t>(out.size());
}

AnswerPtr AnswerBuilder::whole(
    std::string_view body, std::int64_t delay_ns, double jitter_ns, std::size_t cut, std::int64_t cut_delay_ns) {
    std::string length = "Content-Length: ";
    append_number(length, body.size());
    length += "\r\n";
    answer_.bytes.reserve(256 + body.size());
    write_head(length);
    answer_.bytes += body;
    const std::size_t middle = cut == npos ? body.size() / 2 : std::min(cut, body.size());
    answer_.separate_writes = cut != npos;
    answer_.steps.push_back(
        {delay_ns, jitter_ns, answer_.head_end + static_cast<std::uint32_t>(middle), Action::none, Mark::none});
    answer_.steps.push_back(
        {cut_delay_ns, 0, static_cast<std::uint32_t>(answer_.bytes.size()), Action::none, Mark::event});
    return std::make_shared<const Answer>(std::move(answer_));
}

void AnswerBuilder::begin_stream(std::int64_t delay_ns, double jitter_ns, std::size_t expected_bytes) {
    answer_.stream = true;
    answer_.close_after = framing_.close || framing_.legacy || framing_.close_stream;
    answer_.bytes.reserve(expected_bytes);
    write_head(framing_.legacy ? "" : "Transfer-Encoding: chunked\r\n");
    answer_.steps.push_back({delay_ns, jitter_ns, answer_.head_end, Action::none, Mark::head});
}

void AnswerBuilder::event(std::string_view bytes, std::int64_t delay_ns, double jitter_ns, Mark mark) {
    std::string& out = answer_.bytes;
    if (framing_.legacy) {
        out += bytes;
    } else if (!bytes.empty()) {  // an empty chunk would end the stream
        append_number(out, bytes.size(), 16);
        out += "\r\n";
        out += bytes;
        out += "\r\n";
    }
    answer_.steps.push_back({delay_ns, jitter_ns, static_cast<std::uint32_t>(out.size()), Action::none, mark});
}

void AnswerBuilder::action(Action action, std::int64_t delay_ns) {
    answer_.steps.push_back({delay_ns, 0, static_cast<std::uint32_t>(answer_.bytes.size()), action, Mark::none});
}

AnswerPtr AnswerBuilder::end_stream(bool separate_writes) {
    answer_.separate_writes = separate_writes;
    if (!framing_.legacy) {
        answer_.bytes += "0\r\n\r\n";
    }
    answer_.steps.push_back({0, 0, static_cast<std::uint32_t>(answer_.bytes.size()), Action::none, Mark::none});
    return std::make_shared<const Answer>(std::move(answer_));
}

AnswerPtr make_action_answer(Action action, std::int64_t delay_ns) {
    Answer answer;
    answer.status = 0;
    answer.steps.push_back({delay_ns, 0, 0, action, Mark::none});
    return std::make_shared<const Answer>(std::move(answer));
}

AnswerPtr make_error_answer(
    std::uint16_t status, std::string_view message, Framing framing, std::int64_t delay_ns, double jitter_ns) {
    const std::string_view type = status >= 500   ? "server_error"
                                  : status == 429 ? "rate_limit_error"
                                                  : "invalid_request_error";
    std::string body = "{\"error\":{\"message\":";
    append_json_string(body, message);
    body += ",\"type\":\"" + std::string(type) + "\",\"code\":" + std::to_string(status) + "}}";
    HeadFields head;
    head.status = status;
    head.content_type = "application/json";
    return AnswerBuilder(head, framing).whole(body, delay_ns, jitter_ns);
}

}  // namespace aiperf::mock
