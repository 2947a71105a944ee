#include "aiperf/config/url.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"

#include <algorithm>

namespace aiperf::config {

namespace {

constexpr std::string_view k_allowed = "[http://]HOST[:PORT][/PATH]";

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
std::string_view strip_scheme(const Source& source) {
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
    const std::string scheme = base::lower(source.text.substr(0, mark));
    if (scheme == "https") {
        throw base::ConfigError(std::string(source.field) + ": '" + std::string(source.text) +
                                "': TLS is not supported yet; use http://");
    }
    if (scheme != "http") {
        source.refuse("and no other scheme");
    }
    return source.text.substr(mark + 3);
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

std::string Url::text() const {
    const bool v6 = host.find(':') != std::string::npos;
    std::string result = "http://";
    result += v6 ? "[" + host + "]" : host;
    if (port != 80) {
        result += ":" + std::to_string(port);
    }
    return result + path;
}

Url parse_url(std::string_view text, std::string_view field) {
    const Source source{field, text};
    refuse_user(source);
    if (text.empty() || std::any_of(text.begin(), text.end(), is_unprintable)) {
        source.refuse("without blanks");
    }
    const std::string_view rest = strip_scheme(source);
    if (rest.find_first_of("?#") != std::string_view::npos) {
        source.refuse("without a query or fragment");
    }
    const auto slash = rest.find('/');
    Url url;
    parse_authority(source, rest.substr(0, slash), url);
    if (slash != std::string_view::npos) {
        url.path = rest.substr(slash);
        while (url.path.ends_with('/')) {
            url.path.pop_back();
        }
    }
    return url;
}

}  // namespace aiperf::config
