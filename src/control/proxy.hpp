#pragma once

#include "aiperf/config/url.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::control {

/// A proxy of the environment.
struct Proxy {
    config::Url url;
    std::string authorization;  ///< value of Proxy-Authorization; empty = none

    /// "host:port".
    [[nodiscard]] std::string name() const { return url.host + ":" + std::to_string(url.port); }
};

/// HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in either case (the lower one counts first).
struct Proxies {
    std::optional<Proxy> http;
    std::optional<Proxy> https;
    std::vector<std::string> none;  ///< names, ".domain", addresses, "*"

    /// Throws base::ConfigError for one that is no http:// address.
    [[nodiscard]] static Proxies from(const std::map<std::string, std::string>& environment);

    /// The proxy that leads to `url`; null = none.
    [[nodiscard]] const Proxy* leading_to(const config::Url& url) const noexcept;
};

}  // namespace aiperf::control
