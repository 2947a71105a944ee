#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aiperf::config {

/// How a target is reached.
enum class Scheme : std::uint8_t {
    http,
    https,
    unix_socket,  ///< HTTP over a socket in the file system
};

/// The address of a target, taken apart.
struct Url {
    std::string host;              ///< a name or an address; an IPv6 address without its brackets; unix: "localhost"
    std::uint16_t port = 80;       ///< https: 443 where none is given; unix: 80
    std::string path;              ///< "" or "/v1": no slash at the end
    Scheme scheme = Scheme::http;  ///< how it is reached
    std::string socket;            ///< unix: the socket's path

    /// "http://host[:port]path"; the port is left out where it is the scheme's own, the path as it is.
    [[nodiscard]] std::string text() const;

    /// "http://host:port", always with the port; unix: "unix://PATH". What a connection may be shared within.
    [[nodiscard]] std::string origin() const;

    /// True where connections go through TLS.
    [[nodiscard]] bool is_tls() const noexcept { return scheme == Scheme::https; }

    friend bool operator==(const Url&, const Url&) = default;
};

/// Port of a URL that names none.
[[nodiscard]] std::uint16_t default_port(Scheme scheme) noexcept;

/// Reads "localhost:8000", "https://host/v1", "http://[::1]:8000", "unix:///run/server.sock", and, where a path
/// follows, "http+unix://%2Frun%2Fserver.sock/v1". A text without a scheme gets "http://". Throws base::ConfigError,
/// naming `field`, for any other scheme, a missing host, a bad port, user information, a query, a fragment, blanks and
/// control characters.
[[nodiscard]] Url parse_url(std::string_view text, std::string_view field = "--url");

/// True for "127.0.0.1" and "::1": an address and no name.
[[nodiscard]] bool is_ip_address(std::string_view text) noexcept;

}  // namespace aiperf::config
