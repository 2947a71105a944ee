#include "proxy.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace aiperf::control {

namespace {

using Variables = std::map<std::string, std::string>;

std::string value_of(const Variables& environment, const std::string& name) {
    std::string upper = name;
    std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    for (const std::string& spelling : {name, upper}) {
        if (const auto found = environment.find(spelling); found != environment.end() && !found->second.empty()) {
            return found->second;
        }
    }
    return {};
}

std::string base64(std::string_view text) {
    constexpr std::string_view k_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += 3) {
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            bits = bits << 8U | (at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            out += at + i > text.size() ? '=' : k_digits[bits >> (18U - 6U * i) & 63U];
        }
    }
    return out;
}

std::optional<Proxy> proxy_of(const Variables& environment, const std::string& name) {
    std::string text = value_of(environment, name);
    if (text.empty()) {
        text = value_of(environment, "all_proxy");
    }
    if (text.empty()) {
        return std::nullopt;
    }
    Proxy proxy;
    // User and password come off first: no error may repeat them.
    const std::size_t mark = text.find("://");
    const std::size_t begin = mark == std::string::npos ? 0 : mark + 3;
    if (const std::size_t at = text.find('@', begin); at < text.find('/', begin)) {
        proxy.authorization = "Basic " + base64(std::string_view(text).substr(begin, at - begin));
        text.erase(begin, at + 1 - begin);
    }
    proxy.url = config::parse_url(text, name);
    if (proxy.url.scheme != config::Scheme::http) {
        throw base::ConfigError(name, text, "an http:// address: no other proxy is spoken to");
    }
    return proxy;
}

}  // namespace

Proxies Proxies::from(const Variables& environment) {
    Proxies proxies{proxy_of(environment, "http_proxy"), proxy_of(environment, "https_proxy"), {}};
    const std::string none = value_of(environment, "no_proxy");
    for (const std::string_view piece : base::split(none, ',')) {
        if (const std::string_view name = base::trim(piece); !name.empty()) {
            proxies.none.push_back(base::lower(name));
        }
    }
    return proxies;
}

const Proxy* Proxies::leading_to(const config::Url& url) const noexcept {
    if (url.scheme == config::Scheme::unix_socket) {
        return nullptr;
    }
    const std::string host = base::lower(url.host);
    const bool direct = std::any_of(none.begin(), none.end(), [&](const std::string& name) {
        const std::string_view bare = std::string_view(name).substr(name.starts_with('.') ? 1 : 0);
        const bool below =
            host.size() > bare.size() && host.ends_with(bare) && host[host.size() - bare.size() - 1] == '.';
        return name == "*" || host == bare || below || name == host + ":" + std::to_string(url.port);
    });
    const std::optional<Proxy>& proxy = url.is_tls() ? https : http;
    return direct || !proxy ? nullptr : &*proxy;
}

}  // namespace aiperf::control
