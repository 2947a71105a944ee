#pragma once

#include "aiperf/api/server.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::api {

/// What is looked at in a request before anything else is.
struct Asking {
    std::string_view method = "GET";
    std::string_view target = "/";  ///< as received
    std::optional<std::string_view> host{};
    std::string_view origin{};  ///< set by browsers
    std::string_view authorization{};
    std::string_view preflight_method{};  ///< Access-Control-Request-Method
    bool has_to_name_host = true;         ///< HTTP/1.1
    bool upgrade = false;                 ///< to a WebSocket
    bool by_socket = false;               ///< over the Unix socket: its mode says who may
};

/// What is answered instead of what was asked for; 200 to a browser that asks what a page may do (a preflight).
struct Refusal {
    int status = 403;
    std::string detail;
    std::vector<std::pair<std::string, std::string>> headers;
};

/// Who may ask for what: token, Host, Origin. Looked at first for every request, whatever it is for, so that there is
/// one place to get it right. Knows no sockets. *Thread safety*: a constant value.
class Access {
public:
    using Headers = std::vector<std::pair<std::string, std::string>>;

    /// `host`: what the server was told to listen on. `loopback`: nobody but this machine reaches it by TCP.
    Access(AccessOptions options, std::string host, bool loopback);

    /// Absent: the request may be answered.
    [[nodiscard]] std::optional<Refusal> decide(const Asking& asking) const;

    /// What every answer to a page of `origin` carries, so that the browser lets it be read (CORS). Also for answers
    /// that do not go the usual way.
    [[nodiscard]] Headers answer_headers(std::string_view origin) const;

private:
    [[nodiscard]] bool is_own_host(std::string_view host) const;
    [[nodiscard]] bool is_allowed_origin(std::string_view origin) const;
    [[nodiscard]] bool may_change(const Asking& asking) const;
    [[nodiscard]] bool has_token(const Asking& asking) const;
    [[nodiscard]] std::optional<Refusal> preflight(const Asking& asking) const;

    AccessOptions options_;
    std::string host_;
    bool loopback_;
    bool any_origin_;
};

/// The target without the token that browsers must put there: what follows may write it down.
[[nodiscard]] std::string without_token(std::string_view target);

/// 160 random bits, as text for a header or a URL. Throws base::SystemError.
[[nodiscard]] std::string make_token();

/// True for a text that can be a token: visible characters of ASCII, at least one.
[[nodiscard]] bool is_token(std::string_view text) noexcept;

}  // namespace aiperf::api
