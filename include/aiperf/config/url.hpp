#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aiperf::config {

/// The address of a target, taken apart.
struct Url {
    std::string host;         ///< a name or an address; an IPv6 address without its brackets
    std::uint16_t port = 80;  ///< 1 to 65535
    std::string path;         ///< "" or "/v1": no slash at the end

    /// "http://host[:port]path"; the port is left out where it is 80, the path as it is.
    [[nodiscard]] std::string text() const;

    friend bool operator==(const Url&, const Url&) = default;
};

/// Reads "localhost:8000", "http://host/v1", "http://[::1]:8000". A text without a scheme gets "http://". Throws
/// base::ConfigError, naming `field`, for any other scheme ("https" with the reason), a missing host, a bad port,
/// user information, a query, a fragment, blanks and control characters.
[[nodiscard]] Url parse_url(std::string_view text, std::string_view field = "--url");

}  // namespace aiperf::config
