#include "aiperf/load/redirect.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/config/redact.hpp"
#include "aiperf/config/url.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace aiperf::load {

namespace {

/// The place a Location names: an origin of config::Url's kind and a request target.
struct Place {
    std::string origin;
    std::string path;
};

std::string_view path_of(std::string_view head) {
    const std::size_t begin = head.find(' ') + 1;
    std::string_view path = head.substr(begin, head.find(' ', begin) - begin);
    if (const std::size_t mark = path.find("://"); !path.starts_with('/') && mark != std::string_view::npos) {
        path.remove_prefix(std::min(path.find('/', mark + 3), path.size()));  // as a proxy is asked
    }
    return path;
}

/// Where `location` leads from `target` and `path`; absent where it is no address that can be gone to.
std::optional<Place> resolve(std::string_view location, const Target& target, std::string_view path) {
    location = location.substr(0, location.find('#'));
    if (location.empty() || std::any_of(location.begin(), location.end(), [](char c) {
            return static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
        })) {
        return std::nullopt;
    }
    const std::string_view plain_path = path.substr(0, path.find('?'));
    if (location.starts_with("//")) {
        return resolve(std::string(target.tls ? "https:" : "http:").append(location), target, path);
    }
    if (location.starts_with('/')) {
        return Place{target.origin, std::string(location)};
    }
    if (location.starts_with('?')) {
        return Place{target.origin, std::string(plain_path).append(location)};
    }
    if (location.find("://") >= location.find_first_of("/?")) {
        return Place{target.origin, std::string(plain_path.substr(0, plain_path.rfind('/') + 1)).append(location)};
    }
    const std::size_t end = std::min(location.find_first_of("/?", location.find("://") + 3), location.size());
    try {
        const config::Url url = config::parse_url(location.substr(0, end), "Location");
        const std::string_view rest = location.substr(end);
        return Place{url.origin(), rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest)};
    } catch (const base::ConfigError&) {
        return std::nullopt;
    }
}

bool is_about_body(std::string_view name) noexcept {
    return base::equals_ignoring_case(name, "Content-Length") || base::equals_ignoring_case(name, "Content-Type");
}

bool is_credential(std::string_view name) {
    return config::is_secret_header(name) || base::equals_ignoring_case(name, "Cookie");
}

/// The header lines of `head` that go along.
std::string kept_lines(std::string_view head, bool with_body, bool with_credentials, const Target* host) {
    std::string out;
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.starts_with("\r\n")) {
        const std::string_view line = head.substr(0, head.find("\r\n") + 2);
        const std::string_view name = line.substr(0, line.find(':'));
        head.remove_prefix(line.size());
        if (host != nullptr && base::equals_ignoring_case(name, "Host")) {
            const std::size_t at = host->head.find("Host: ");
            out.append(host->head, at, host->head.find("\r\n", at) + 2 - at);
        } else if ((with_body || !is_about_body(name)) && (with_credentials || !is_credential(name))) {
            out.append(line);
        }
    }
    return out.append("\r\n");
}

}  // namespace

bool is_redirect(int status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string follow_redirect(Exchange& exchange, const LoadPlan& plan) {
    const std::string_view location = exchange.answer.redirected_to();
    if (plan.redirects == 0) {
        return "redirects are not followed without --follow-redirects";
    }
    if (exchange.hops >= plan.redirects) {
        return "the limit of --follow-redirects is reached";
    }
    const Target& from = plan.targets[exchange.target];
    const auto place = resolve(location, from, path_of(exchange.head));
    if (!place) {
        return "that is no address to go to";
    }
    const bool same = place->origin == from.origin;
    const auto known = std::find_if(plan.targets.begin(), plan.targets.end(), [&place](const Target& target) {
        return target.origin == place->origin;
    });
    if (!same && known == plan.targets.end()) {
        return "only this server and the other addresses of --url are gone to";
    }
    const Target& to = same ? from : *known;
    const int status = exchange.record->http_status;
    const bool repeat = status == 307 || status == 308 || exchange.body.empty();
    const std::string method = repeat ? exchange.head.substr(0, exchange.head.find(' ')) : "GET";
    const bool whole_url = !to.proxy.empty() && to.tunnel.empty();
    exchange.head = method + " " + (whole_url ? place->origin : "") + place->path + " HTTP/1.1\r\n" +
                    kept_lines(exchange.head, repeat, same, same ? nullptr : &to);
    if (!repeat) {
        exchange.body = {};
    }
    if (!same) {
        exchange.target = static_cast<std::uint16_t>(known - plan.targets.begin());
    }
    ++exchange.hops;
    return {};
}

}  // namespace aiperf::load
