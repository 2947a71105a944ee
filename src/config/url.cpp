#include "aiperf/config/url.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <netinet/in.h>

namespace aiperf::config {

namespace {

constexpr std::string_view k_allowed = "[http[s]://]HOST[:PORT][/PATH] or unix:///PATH";

/// The text under way, for the errors.
struct Source {
    std::string_view field;
    std::string_view text;

    [[noreturn]] void refuse(std::string_view why) const {
        throw base::ConfigError(std::string(field), std::string(text), std::string(k_allowed).append(", ").append(why));
    }
};

bool is_unprintable(char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
}

/// First of all checks: no other error may repeat a password.
void refuse_user(const Source& source) {
    const auto mark = source.text.find("://");
    const std::string_view rest = mark == std::string_view::npos ? source.text : source.text.substr(mark + 3);
    if (rest.substr(0, rest.find('/')).find('@') != std::string_view::npos) {
        throw base::ConfigError(std::string(source.field) + ": user and password in a URL are not supported yet");
    }
}

/// Cuts the scheme off. "localhost:8000" has none: what follows its colon is a port.
std::string_view strip_scheme(const Source& source, std::string& scheme) {
    scheme = "http";
    const auto mark = source.text.find("://");
    if (mark == std::string_view::npos) {
        const auto colon = source.text.find(':');
        const bool has_colon = colon != std::string_view::npos && colon + 1 < source.text.size();
        const bool letter = has_colon && source.text.front() != '[' &&
                            (source.text[colon + 1] < '0' || source.text[colon + 1] > '9') &&
                            source.text.find('/') > colon;
        if (letter) {
            source.refuse("and the port is a number");
        }
        return source.text;
    }
    scheme = base::lower(source.text.substr(0, mark));
    return source.text.substr(mark + 3);
}

/// "%2F" and the like as the bytes they stand for.
std::string without_percents(const Source& source, std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += text[at];
            continue;
        }
        unsigned byte = 0;
        const char* const end = text.data() + std::min(at + 3, text.size());
        const auto [stop, status] = std::from_chars(text.data() + at + 1, end, byte, 16);
        if (status != std::errc{} || stop != text.data() + at + 3 || byte == 0) {
            source.refuse("with two digits after each '%'");
        }
        out += static_cast<char>(byte);
        at += 2;
    }
    return out;
}

Url unix_url(const Source& source, std::string socket) {
    constexpr std::size_t k_longest = 107;  // of the system's sockaddr_un
    if (socket.size() < 2 || socket.front() != '/' || socket.size() > k_longest) {
        source.refuse("and a socket's path begins with '/' and has at most 107 bytes");
    }
    return {.host = "localhost", .port = 80, .path = "", .scheme = Scheme::unix_socket, .socket = std::move(socket)};
}

void set_path(Url& url, std::string_view path) {
    while (path.ends_with('/')) {
        path.remove_suffix(1);
    }
    url.path = path;
}

std::uint16_t parse_port(const Source& source, std::string_view text) {
    const auto port = base::parse_unsigned(text);
    if (!port || *port < 1 || *port > 65535) {
        source.refuse("with a port from 1 to 65535");
    }
    return static_cast<std::uint16_t>(*port);
}

void parse_authority(const Source& source, std::string_view authority, Url& url) {
    std::string_view port;
    bool has_port = false;
    if (authority.starts_with('[')) {
        const auto end = authority.find(']');
        if (end == std::string_view::npos) {
            source.refuse("with ']' after an IPv6 address");
        }
        url.host = authority.substr(1, end - 1);
        authority.remove_prefix(end + 1);
        has_port = authority.starts_with(':');
        if (!has_port && !authority.empty()) {
            source.refuse("with a port after ']:'");
        }
        port = has_port ? authority.substr(1) : std::string_view{};
    } else {
        const auto colon = authority.find(':');
        has_port = colon != std::string_view::npos;
        url.host = authority.substr(0, colon);
        port = has_port ? authority.substr(colon + 1) : std::string_view{};
    }
    if (url.host.empty()) {
        source.refuse("with a host");
    }
    if (has_port) {
        url.port = parse_port(source, port);
    }
}

}  // namespace

std::uint16_t default_port(Scheme scheme) noexcept {
    return scheme == Scheme::https ? 443 : 80;
}

std::string Url::text() const {
    if (scheme == Scheme::unix_socket) {
        return "unix://" + socket + path;
    }
    const bool v6 = host.find(':') != std::string::npos;
    std::string result = is_tls() ? "https://" : "http://";
    result += v6 ? "[" + host + "]" : host;
    if (port != default_port(scheme)) {
        result += ":" + std::to_string(port);
    }
    return result + path;
}

std::string Url::origin() const {
    if (scheme == Scheme::unix_socket) {
        return "unix://" + socket;
    }
    const bool v6 = host.find(':') != std::string::npos;
    return (is_tls() ? "https://" : "http://") + base::lower(v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Url parse_url(std::string_view text, std::string_view field) {
    const Source source{field, text};
    refuse_user(source);
    if (text.empty() || std::any_of(text.begin(), text.end(), is_unprintable)) {
        source.refuse("without blanks");
    }
    std::string scheme;
    const std::string_view rest = strip_scheme(source, scheme);
    if (scheme == "unix") {
        return unix_url(source, std::string(rest));
    }
    if (scheme != "http" && scheme != "https" && scheme != "http+unix") {
        source.refuse("and no other scheme");
    }
    if (rest.find_first_of("?#") != std::string_view::npos) {
        source.refuse("without a query or fragment");
    }
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    Url url;
    if (scheme == "http+unix") {
        url = unix_url(source, without_percents(source, rest.substr(0, slash)));
    } else {
        url.scheme = scheme == "https" ? Scheme::https : Scheme::http;
        url.port = default_port(url.scheme);
        parse_authority(source, rest.substr(0, slash), url);
    }
    set_path(url, rest.substr(slash));
    return url;
}

bool is_ip_address(std::string_view text) noexcept {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.size() >= copy.size()) {
        return false;
    }
    std::copy(text.begin(), text.end(), copy.begin());
    in6_addr ignored{};
    return ::inet_pton(AF_INET, copy.data(), &ignored) == 1 || ::inet_pton(AF_INET6, copy.data(), &ignored) == 1;
}

}  // namespace aiperf::config
