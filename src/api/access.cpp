#include "access.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "artifact_files.hpp"
#include "target.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <openssl/crypto.h>
#include <sys/random.h>

namespace aiperf::api {

namespace {

using base::equals_ignoring_case;

constexpr std::string_view k_token_key = "token";
constexpr std::string_view k_bearer = "bearer ";

/// They tell nothing of the run, and who asks them, a probe or somebody with a browser, can often send no header.
constexpr std::array<std::string_view, 4> k_open{"/healthz", "/readyz", "/docs", "/openapi.json"};

/// A browser can give these no header.
constexpr std::array<std::string_view, 2> k_token_in_query{"/ws", "/api/events"};

template <std::size_t Size>
bool is_among(const std::array<std::string_view, Size>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
}

/// Without a port, brackets, and the dot at the end of a whole name.
std::string_view name_of(std::string_view host) {
    if (host.starts_with('[')) {
        const std::size_t end = host.find(']');
        return end == std::string_view::npos ? host : host.substr(1, end - 1);
    }
    host = host.substr(0, host.find(':'));
    if (host.ends_with('.')) {
        host.remove_suffix(1);
    }
    return host;
}

bool is_loopback_name(std::string_view name) {
    constexpr std::string_view k_below_localhost = ".localhost";
    if (equals_ignoring_case(name, "localhost") ||
        (name.size() > k_below_localhost.size() &&
         equals_ignoring_case(name.substr(name.size() - k_below_localhost.size()), k_below_localhost))) {
        return true;
    }
    const std::string text(name);
    in_addr v4{};
    if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) {
        return (ntohl(v4.s_addr) >> 24U) == 127;
    }
    in6_addr v6{};
    return ::inet_pton(AF_INET6, text.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6) != 0;
}

/// "host:port" of "https://host:port".
std::string_view authority_of(std::string_view origin) {
    const std::size_t scheme = origin.find("://");
    return scheme == std::string_view::npos ? std::string_view{} : origin.substr(scheme + 3);
}

/// Takes as long for a wrong text as for the right one.
bool is_same(std::string_view secret, std::string_view given) {
    const bool fits = secret.size() == given.size();
    return CRYPTO_memcmp(secret.data(), fits ? given.data() : secret.data(), secret.size()) == 0 && fits;
}

}  // namespace

Access::Access(AccessOptions options, std::string host, bool loopback)
    : options_(std::move(options)),
      host_(std::move(host)),
      loopback_(loopback),
      any_origin_(std::find(options_.cors_origins.begin(), options_.cors_origins.end(), "*") !=
                  options_.cors_origins.end()) {}

std::optional<Refusal> Access::decide(const Asking& asking) const {
    if (!asking.host && asking.has_to_name_host) {
        return Refusal{400, "A request of HTTP/1.1 names its Host", {}};
    }
    if (asking.host && !asking.by_socket && !is_own_host(*asking.host)) {
        return Refusal{403, "Host '" + std::string(asking.host->substr(0, 256)) + "' is not this server", {}};
    }
    if (auto answer = preflight(asking)) {
        return answer;
    }
    if (!options_.token.empty() && !asking.by_socket && !is_among(k_open, Target(asking.target).path) &&
        !has_token(asking)) {
        return Refusal{
            401, "A token is needed: Authorization: Bearer TOKEN", {{"WWW-Authenticate", "Bearer realm=\"aiperf\""}}};
    }
    if (!may_change(asking)) {
        return Refusal{403, "Not for web pages of " + std::string(asking.origin.substr(0, 256)), {}};
    }
    return std::nullopt;
}

/// A page elsewhere can lead its own name to this machine's loopback addresses, and would read what is answered as its
/// own. Where a token is needed it has none.
bool Access::is_own_host(std::string_view host) const {
    if (!loopback_ || !options_.token.empty()) {
        return true;
    }
    const std::string_view name = name_of(host);
    return is_loopback_name(name) || equals_ignoring_case(name, host_);
}

bool Access::is_allowed_origin(std::string_view origin) const {
    return any_origin_ || std::any_of(options_.cors_origins.begin(),
                                      options_.cors_origins.end(),
                                      [&](const std::string& each) { return equals_ignoring_case(each, origin); });
}

/// Pages of any origin may make a browser send these requests, whether or not they may read the answer. "*" is about
/// reading: it lets nobody end a run.
bool Access::may_change(const Asking& asking) const {
    const bool reads = asking.method == "GET" || asking.method == "HEAD" || asking.method == "OPTIONS";
    if (asking.origin.empty() || (reads && !asking.upgrade)) {
        return true;
    }
    if (asking.host && equals_ignoring_case(authority_of(asking.origin), *asking.host)) {
        return true;
    }
    const auto is_named = [&](const std::string& each) { return equals_ignoring_case(each, asking.origin); };
    return (reads && any_origin_) || std::any_of(options_.cors_origins.begin(), options_.cors_origins.end(), is_named);
}

bool Access::has_token(const Asking& asking) const {
    const std::string_view given = asking.authorization;
    if (given.size() > k_bearer.size() && equals_ignoring_case(given.substr(0, k_bearer.size()), k_bearer)) {
        return is_same(options_.token, base::trim(given.substr(k_bearer.size())));
    }
    const Target target(asking.target);
    const std::string* const token = target.find(k_token_key);
    return token != nullptr && asking.method == "GET" && is_among(k_token_in_query, target.path) &&
           is_same(options_.token, *token);
}

std::optional<Refusal> Access::preflight(const Asking& asking) const {
    if (asking.method != "OPTIONS" || asking.origin.empty() || asking.preflight_method.empty() ||
        options_.cors_origins.empty()) {
        return std::nullopt;
    }
    if (!is_allowed_origin(asking.origin)) {
        return Refusal{403, "Disallowed CORS origin", {}};
    }
    return Refusal{200,
                   "OK",
                   {{"Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS"},
                    {"Access-Control-Allow-Headers",
                     "Authorization, Content-Type, If-None-Match, If-Range, Last-Event-ID, Range, X-AIPerf-Client"},
                    {"Access-Control-Max-Age", "600"}}};
}

Access::Headers Access::answer_headers(std::string_view origin) const {
    Headers headers;
    if (options_.cors_origins.empty()) {
        return headers;
    }
    if (!any_origin_) {
        headers.emplace_back("Vary", "Origin");
    }
    if (!origin.empty() && is_allowed_origin(origin)) {
        headers.emplace_back("Access-Control-Allow-Origin", any_origin_ ? "*" : std::string(origin));
        headers.emplace_back("Access-Control-Expose-Headers",
                             "Content-Disposition, Content-Range, ETag, Retry-After, X-AIPerf-Run-Id, X-Filename");
    }
    return headers;
}

std::string without_token(std::string_view target) {
    const std::size_t mark = target.find('?');
    if (mark == std::string_view::npos) {
        return std::string(target);
    }
    std::string rest;
    for (const std::string_view pair : base::split(target.substr(mark + 1), '&')) {
        if (percent_decoded(pair.substr(0, pair.find('='))) != k_token_key) {
            rest.append(rest.empty() ? "?" : "&").append(pair);
        }
    }
    return std::string(target.substr(0, mark)) + rest;
}

std::string make_token() {
    std::array<unsigned char, 20> bytes{};
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        throw base::SystemError("cannot make a token", errno);
    }
    constexpr std::string_view k_digits = "0123456789abcdef";
    std::string token;
    for (const unsigned char byte : bytes) {
        token.push_back(k_digits[byte >> 4U]);
        token.push_back(k_digits[byte & 15U]);
    }
    return token;
}

bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace aiperf::api
