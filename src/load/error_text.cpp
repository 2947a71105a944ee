#include "aiperf/load/error_text.hpp"

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
std::string address_text(const Address& address) {
    if (address.family() == AF_UNIX) {
        return python_repr(address.host());
    }
    std::string text = "('" + address.host() + "', " + std::to_string(address.port());
    if (address.family() == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);  // NOLINT: the sockets API
        text += ", " + std::to_string(ntohl(v6.sin6_flowinfo)) + ", " + std::to_string(v6.sin6_scope_id);
    }
    return text + ")";
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

std::string connect_error_text(const Target& target, const Address& address, int error_number) {
    const std::size_t colon = target.name.rfind(':');
    const std::string host = target.name.substr(0, colon);
    const std::string port = colon == std::string::npos ? "None" : target.name.substr(colon + 1);
    return "ClientConnectorError(ConnectionKey(host=" + python_repr(host) + ", port=" + port +
           ", is_ssl=" + (target.tls ? "True" : "False") +
           ", ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None, server_hostname=None), " +
           call(exception_of(error_number), error_number, "Connect call failed " + address_text(address)) + ")";
}

std::string greeting_error_text(const Target& target, bool tls, int error_number) {
    const std::string why = error_number == 0 ? "it was closed" : words_of(error_number);
    return tls ? "ClientConnectorSSLError(" +
                     python_repr(target.name + ": the connection ended within the TLS handshake: " + why) + ")"
               : proxy_error_text(target, why);
}

std::string proxy_error_text(const Target& target, std::string_view words) {
    return "ClientHttpProxyError(" +
           python_repr("the proxy " + target.proxy + " does not lead to " + target.name + ": " + std::string(words)) +
           ")";
}

std::string tls_error_text(const Target& target, const TlsSession& session) {
    return std::string(session.bad_certificate() ? "ClientConnectorCertificateError(" : "ClientConnectorSSLError(") +
           python_repr(target.name + ": " + session.error()) + ")";
}

std::string http2_error_text(const Target& target, std::string_view words) {
    return "Http2Error(" + python_repr(target.name + ": " + std::string(words)) + ")";
}

std::string tls_cut_text() {
    return "ClientPayloadError('Response payload is not completed: TLS ended without saying so (close_notify), and "
           "nothing else tells the end of the body')";
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
