#include "aiperf/load/error_text.hpp"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <netinet/in.h>
#include <system_error>

namespace aiperf::load {

namespace {

std::string_view exception_of(int error_number) noexcept {
    switch (error_number) {
        case ECONNREFUSED: return "ConnectionRefusedError";
        case ECONNRESET: return "ConnectionResetError";
        case ECONNABORTED: return "ConnectionAbortedError";
        case EPIPE: return "BrokenPipeError";
        case ETIMEDOUT: return "TimeoutError";
        case EACCES:
        case EPERM: return "PermissionError";
        default: return "OSError";
    }
}

std::string call(std::string_view exception, int error_number, std::string_view words) {
    return std::string(exception) + "(" + std::to_string(error_number) + ", " + python_repr(words) + ")";
}

std::string words_of(int error_number) {
    return std::generic_category().message(error_number);
}

void append_hex(std::string& out, unsigned char byte) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "\\x%02x", static_cast<unsigned>(byte));
    out += text.data();
}

/// U+0080 to U+00A0 and U+00AD, by the second byte: not printable.
bool is_unprintable_latin(unsigned char byte) noexcept {
    return byte <= 0xA0 || byte == 0xAD;
}

/// The address as Python's socket module writes it: ('127.0.0.1', 80), or with flow and scope for IPv6.
std::string address_text(const Target& target) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (target.address.ss_family == AF_INET6) {
        const auto& address = reinterpret_cast<const sockaddr_in6&>(target.address);  // NOLINT: the sockets API
        ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
        return "('" + std::string(text.data()) + "', " + std::to_string(ntohs(address.sin6_port)) + ", " +
               std::to_string(ntohl(address.sin6_flowinfo)) + ", " + std::to_string(address.sin6_scope_id) + ")";
    }
    const auto& address = reinterpret_cast<const sockaddr_in&>(target.address);  // NOLINT: the sockets API
    ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
    return "('" + std::string(text.data()) + "', " + std::to_string(ntohs(address.sin_port)) + ")";
}

}  // namespace

std::string python_repr(std::string_view text) {
    const bool double_quotes = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
    const char quote = double_quotes ? '"' : '\'';
    std::string out(1, quote);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\\' || c == quote) {
            out.append(1, '\\').append(1, c);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            out.append(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
        } else if (byte < 0x20 || byte == 0x7F) {
            append_hex(out, byte);
        } else if (byte == 0xC2 && i + 1 < text.size() &&
                   is_unprintable_latin(static_cast<unsigned char>(text[i + 1]))) {
            append_hex(out, static_cast<unsigned char>(text[++i]));
        } else {
            out += c;
        }
    }
    return out += quote;
}

std::string os_error_text(int error_number) {
    return call(exception_of(error_number), error_number, words_of(error_number));
}

std::string client_os_error_text(int error_number) {
    return call("ClientOSError", error_number, words_of(error_number));
}

std::string connect_error_text(const Target& target, int error_number) {
    const std::size_t colon = target.name.rfind(':');
    const std::string host = target.name.substr(0, colon);
    const std::string port = colon == std::string::npos ? "None" : target.name.substr(colon + 1);
    return "ClientConnectorError(ConnectionKey(host=" + python_repr(host) + ", port=" + port +
           ", is_ssl=False, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None, server_hostname=None), " +
           call(exception_of(error_number), error_number, "Connect call failed " + address_text(target)) + ")";
}

std::string payload_error_text(bool chunked, int error_number) {
    std::string words = "Response payload is not completed: ";
    words += chunked ? "<TransferEncodingError: 400, message='Not enough data to satisfy transfer length header.'>"
                     : "<ContentLengthError: 400, message='Not enough data to satisfy content length header.'>";
    if (error_number != 0) {
        words += ". " + os_error_text(error_number);
    }
    return "ClientPayloadError(" + python_repr(words) + ")";
}

std::string sse_error_text(std::string_view name, std::string_view data, std::int64_t read_ns) {
    std::string message = "SSEMessage(perf_ns=" + std::to_string(read_ns) +
                          ", packets=[SSEField(name='event', value=" + python_repr(name) + ")";
    for (bool more = !data.empty(); more;) {
        const std::size_t line_end = data.find('\n');
        message += ", SSEField(name='data', value=" + python_repr(data.substr(0, line_end)) + ")";
        more = line_end != std::string_view::npos;
        data.remove_prefix(more ? line_end + 1 : data.size());
    }
    return "SSEResponseError(" +
           python_repr("Error occurred in SSE response: Unknown error in SSE response: " + message + "])") + ")";
}

}  // namespace aiperf::load
