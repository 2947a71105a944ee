#include "network.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/version.hpp"
#include "aiperf/config/url.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/process/descriptor.hpp"
#include "patient_http2.hpp"
#include "patient_io.hpp"

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <sys/socket.h>
#include <unistd.h>

namespace aiperf::control {

namespace {

using asio::generic::stream_protocol;
using asio::ip::tcp;

/// After the first address has answered, the others have this long (RFC 8305 has the same between two attempts).
constexpr auto k_patience = std::chrono::milliseconds(250);
constexpr std::size_t k_most_addresses = 32;

std::string words_of(const std::string& what, const std::string& why) {
    return "cannot connect to " + what + ": " + why;
}

std::vector<load::Address> look_up(const config::Url& url,
                                   const settings::Http& settings,
                                   const std::function<bool()>& cancelled) {
    if (url.scheme == config::Scheme::unix_socket) {
        return {load::Address::of_path(url.socket)};
    }
    if (config::is_ip_address(url.host)) {
        return {load::Address::of_ip(url.host, url.port)};
    }
    asio::io_context io;
    tcp::resolver resolver(io);
    std::error_code failure = asio::error::timed_out;
    std::vector<load::Address> addresses;
    resolver.async_resolve(url.host, std::to_string(url.port), [&](const std::error_code& error, const auto& results) {
        failure = error;
        for (const auto& entry : results) {
            const tcp::endpoint endpoint = entry.endpoint();
            const bool v4 = endpoint.address().is_v4();
            if ((settings.ip_version == settings::IpVersion::any ||
                 v4 == (settings.ip_version == settings::IpVersion::v4)) &&
                addresses.size() < k_most_addresses) {
                load::Address& address = addresses.emplace_back();
                address.length = static_cast<socklen_t>(endpoint.size());
                std::memcpy(&address.storage, endpoint.data(), endpoint.size());
            }
        }
    });
    run_until(io, base::now() + settings.connect_timeout, cancelled);
    const std::string what = url.host + ":" + std::to_string(url.port);
    if (failure) {
        throw base::RunError(words_of(what, failure.message()));
    }
    if (addresses.empty()) {
        throw base::RunError(words_of(what, "the name has no address of the asked kind (AIPERF_HTTP_IP_VERSION)"));
    }
    return addresses;
}

/// An attempt to reach one address.
struct Attempt {
    stream_protocol::socket socket;
    std::error_code result = asio::error::timed_out;
};

/// What a probe has found.
struct Found {
    std::vector<load::Address> addresses;
    process::Descriptor connection;  ///< to the first of them
};

/// Tries all addresses at once and keeps those that answer. Throws base::RunError with the reasons.
Found answering(const std::vector<load::Address>& addresses,
                const std::string& name,
                const Manner& manner,
                base::Nanoseconds timeout,
                const std::function<bool()>& cancelled) {
    asio::io_context io;
    std::deque<Attempt> attempts;
    base::Instant deadline = base::now() + timeout;
    for (const load::Address& address : addresses) {
        Attempt& attempt = attempts.emplace_back(Attempt{stream_protocol::socket(io)});
        const int fd = manner.open_socket(address);
        if (fd < 0) {
            attempt.result = {errno, std::generic_category()};
            continue;
        }
        attempt.socket.assign(stream_protocol(address.family(), 0), fd);
        attempt.socket.async_connect(stream_protocol::endpoint(address.get(), address.length),
                                     [&attempt, &deadline](const std::error_code& error) {
                                         attempt.result = error;
                                         if (!error) {
                                             deadline = std::min<base::Instant>(deadline, base::now() + k_patience);
                                         }
                                     });
    }
    while (!cancelled() && base::now() < deadline &&
           !run_until(io, std::min<base::Instant>(deadline, base::now() + k_patience), cancelled)) {
    }
    Found found;
    std::string reason;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        std::error_code ignored;
        const std::error_code failure = attempts[i].result;
        if (!failure) {
            found.addresses.push_back(addresses[i]);
            if (!found.connection) {
                found.connection = process::Descriptor(attempts[i].socket.release(ignored));
            }
            continue;
        }
        attempts[i].socket.close(ignored);
        reason = failure == asio::error::timed_out
                     ? "no answer within " + std::to_string(std::chrono::duration<double>(timeout).count()) +
                           " s (AIPERF_HTTP_CONNECT_TIMEOUT)"
                     : failure.message();
        const std::string host = addresses[i].host();
        reason += name.starts_with(host) ? "" : " (" + host + ")";
    }
    // The handlers of what was closed refer to the attempts: they have run when this ends.
    io.restart();
    io.run();
    if (cancelled()) {
        throw base::RunError("cancelled");
    }
    if (found.addresses.empty()) {
        throw base::RunError(words_of(name, reason));
    }
    return found;
}

void lead_through(const Proxy& proxy, const config::Url& url, load::Target& target) {
    target.proxy = proxy.name();
    if (url.is_tls()) {
        const std::string authority = (url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]") +
                                      ":" + std::to_string(url.port);
        target.tunnel = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n";
        if (!proxy.authorization.empty()) {
            target.tunnel += "Proxy-Authorization: " + proxy.authorization + "\r\n";
        }
        target.tunnel += "\r\n";
    }
}

}  // namespace

Reach::Reach(const config::RunConfig& config, const Surroundings& surroundings, Cancelled cancelled, Say say)
    : settings_(surroundings.settings.http),
      proxies_(surroundings.proxies),
      version_(config.http_version),
      manner_(manner_of(config, surroundings)),
      cancelled_(std::move(cancelled)),
      say_(std::move(say)) {}

load::Target Reach::operator()(const config::Url& url, base::Nanoseconds timeout) const {
    load::Target target;
    target.name = url.scheme == config::Scheme::unix_socket ? url.socket : url.host + ":" + std::to_string(url.port);
    target.host = url.host;
    target.origin = url.origin();
    target.tls = url.is_tls();
    const Proxy* const proxy = proxies_.leading_to(url);
    const config::Url& door = proxy != nullptr ? proxy->url : url;
    if (proxy != nullptr) {
        lead_through(*proxy, url, target);
    }
    const base::Instant before = base::now();
    const std::vector<load::Address> known = look_up(door, settings_, cancelled_);
    const base::Nanoseconds took = base::now() - before;
    const std::string door_name = proxy != nullptr ? "the proxy " + target.proxy : target.name;
    Found found = answering(known, door_name, manner_, timeout, cancelled_);
    target.addresses = std::move(found.addresses);
    if (!config::is_ip_address(door.host) && door.scheme != config::Scheme::unix_socket) {
        std::array<char, 64> text{};
        std::snprintf(text.data(), text.size(), "%.3f ms", static_cast<double>(took.count()) * 1e-6);
        say_("looked up " + door.host + " in " + text.data() + ": " + std::to_string(known.size()) + " addresses, " +
             std::to_string(target.addresses.size()) + " answer");
    }
    const bool whole_urls = proxy != nullptr && !target.tls;
    if (version_ == config::HttpVersion::v2 && whole_urls) {
        throw base::RunError(words_of(target.name, "--http-version 2 and a proxy go together with https:// only"));
    }
    target.http2 = version_ == config::HttpVersion::v2;
    if (!target.tls && !target.http2) {
        return target;
    }
    PatientConnection connection(manner_, base::now() + timeout, cancelled_);
    try {
        connection.adopt(std::move(found.connection), target.addresses.front());
        agree(connection, target);
    } catch (const base::RunError& error) {
        throw base::RunError(words_of(target.name, error.what()));
    }
    return target;
}

/// Finds out whether TLS and HTTP/2 can be spoken as asked.
void Reach::agree(PatientConnection& connection, load::Target& target) const {
    connection.greet(target, version_);
    if (target.tls) {
        target.http2 = connection.protocol() == "h2";
    }
    if (version_ == config::HttpVersion::v2 && !target.http2) {
        throw base::RunError("the server does not offer HTTP/2 (ALPN)");
    }
    if (target.http2) {
        expect_http2(connection);
    } else {
        connection.hear_refusal();
    }
}

std::string host_header(const config::Url& url) {
    const bool v6 = url.host.find(':') != std::string::npos;
    return (v6 ? "[" + url.host + "]" : url.host) +
           (url.port == config::default_port(url.scheme) ? "" : ":" + std::to_string(url.port));
}

std::string request_path(const config::RunConfig& config, const endpoint::Endpoint& endpoint, const config::Url& url) {
    return join_path(url.path, config.custom_endpoint.value_or(std::string(endpoint.path())));
}

namespace {

load::HeadOptions head_options(const config::RunConfig& config,
                               const endpoint::Endpoint& endpoint,
                               const settings::Settings& settings,
                               const config::Url& url) {
    load::HeadOptions options;
    options.host = host_header(url);
    options.path = request_path(config, endpoint, url);
    options.user_agent = std::string("aiperf-cpp/") + base::version();
    options.streaming = config.streaming;
    options.session_header = config.session_header.value_or("X-Correlation-ID");
    options.more_session_headers.clear();
    const auto add = [&options](bool wanted, const char* name) {
        if (wanted) {
            options.more_session_headers.emplace_back(name);
        }
    };
    add(settings.http.x_session_affinity_from_correlation_id, "X-Session-Affinity");
    add(settings.http.x_session_id_from_correlation_id, "X-Session-ID");
    add(settings.http.x_smg_routing_key_from_correlation_id, "X-SMG-Routing-Key");
    add(settings.http.x_dynamo_session_id_from_correlation_id, "X-Dynamo-Session-ID");
    return options;
}

}  // namespace

std::string join_path(const std::string& base, const std::string& path) {
    constexpr std::string_view k_v1 = "/v1";
    const std::string added = path.empty() || path.front() == '/' ? path : "/" + path;
    const auto base_ends_with = [&base](std::string_view end) {
        return base.size() >= end.size() && std::string_view(base).substr(base.size() - end.size()) == end;
    };
    if (added.empty() || base_ends_with(added)) {
        return base.empty() ? "/" : base;
    }
    if (base_ends_with(k_v1) && added.compare(0, 4, "/v1/") == 0) {
        return base + added.substr(k_v1.size());
    }
    return base + added;
}

Manner manner_of(const config::RunConfig& config, const Surroundings& surroundings) {
    const settings::Http& http = surroundings.settings.http;
    const auto whole = [](base::Nanoseconds duration, std::int64_t unit_ns) {
        return static_cast<int>(std::max<std::int64_t>(1, duration.count() / unit_ns));
    };
    const auto path = [&](const std::optional<std::string>& name) {
        return name ? std::filesystem::absolute(surroundings.working_directory / *name).string() : std::string();
    };
    Manner manner;
    manner.tls.verify = http.ssl_verify;
    manner.tls.ca_file = path(config.tls_ca_file);
    manner.tls.ca_directory = path(config.tls_ca_directory);
    manner.tls.certificate = path(config.tls_certificate);
    manner.tls.key = path(config.tls_key);
    manner.tls.minimum = config.tls_min_version;
    manner.socket.keepalive_idle_s = whole(http.tcp_keepidle, 1'000'000'000);
    manner.socket.keepalive_interval_s = whole(http.tcp_keepintvl, 1'000'000'000);
    manner.socket.keepalive_count = http.tcp_keepcnt;
    manner.socket.receive_buffer_bytes = http.so_rcvbuf;
    manner.socket.receive_stamps = http.kernel_timestamps;
    manner.socket.send_buffer_bytes = http.so_sndbuf;
    manner.socket.user_timeout_ms = whole(http.tcp_user_timeout, 1'000'000);
    for (const std::string& text : config.source_addresses) {
        manner.sources.push_back(load::Address::of_ip(text, 0));
    }
    return manner;
}

void check_sources(const config::RunConfig& config) {
    for (const std::string& text : config.source_addresses) {
        const load::Address address = load::Address::of_ip(text, 0);
        const int fd = load::open_socket(address, {}, &address);
        if (fd < 0) {
            throw base::ConfigError(
                "--source-address", text, std::string("an address of this machine (") + std::strerror(errno) + ")");
        }
        ::close(fd);
    }
}

std::vector<load::Target> reach_targets(const config::RunConfig& config,
                                        const endpoint::Endpoint& endpoint,
                                        const Surroundings& surroundings,
                                        const Reach& reach) {
    std::vector<std::pair<std::string, std::string>> headers = config.headers;
    if (config.api_key) {
        headers.emplace_back("Authorization", "Bearer " + *config.api_key);
    }
    std::vector<load::Target> targets;
    for (const std::string& text : config.urls) {
        const config::Url url = config::parse_url(text);
        load::HeadOptions options = head_options(config, endpoint, surroundings.settings, url);
        const Proxy* const proxy = surroundings.proxies.leading_to(url);
        if (proxy != nullptr && !url.is_tls()) {
            options.path = "http://" + options.host + options.path;
            options.proxy_authorization = proxy->authorization;
        }
        targets.push_back(reach(url, surroundings.settings.http.connect_timeout));
        build_head(targets.back(), options, headers);
    }
    return targets;
}

}  // namespace aiperf::control
