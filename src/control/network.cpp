#include "network.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/version.hpp"
#include "aiperf/config/url.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "patient_io.hpp"

#include <asio/connect.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <cstring>
#include <optional>

namespace aiperf::control {

namespace {

using asio::ip::tcp;

std::string words_of(const std::string& what, const std::string& why) {
    return "cannot connect to " + what + ": " + why;
}

std::vector<tcp::endpoint> look_up(const config::Url& url,
                                   const settings::Http& settings,
                                   const std::function<bool()>& cancelled) {
    asio::io_context io;
    tcp::resolver resolver(io);
    std::error_code failure = asio::error::timed_out;
    std::vector<tcp::endpoint> endpoints;
    resolver.async_resolve(url.host, std::to_string(url.port), [&](const std::error_code& error, const auto& results) {
        failure = error;
        for (const auto& entry : results) {
            const bool v4 = entry.endpoint().address().is_v4();
            const bool literal = entry.endpoint().address().to_string() == url.host;
            if (literal || settings.ip_version == settings::IpVersion::any ||
                v4 == (settings.ip_version == settings::IpVersion::v4)) {
                endpoints.push_back(entry.endpoint());
            }
        }
    });
    run_until(io, base::now() + settings.connect_timeout, cancelled);
    const std::string what = url.host + ":" + std::to_string(url.port);
    if (failure) {
        throw base::RunError(words_of(what, failure.message()));
    }
    if (endpoints.empty()) {
        throw base::RunError(words_of(what, "the name has no address of the asked kind (AIPERF_HTTP_IP_VERSION)"));
    }
    return endpoints;
}

std::error_code try_connect(const tcp::endpoint& endpoint,
                            base::Nanoseconds timeout,
                            const std::function<bool()>& cancelled) {
    asio::io_context io;
    tcp::socket socket(io);
    std::error_code result = asio::error::timed_out;
    socket.async_connect(endpoint, [&result](const std::error_code& error) { result = error; });
    if (!run_until(io, base::now() + timeout, cancelled)) {
        std::error_code ignored;
        socket.close(ignored);
        io.restart();
        io.run();
        return asio::error::timed_out;
    }
    return result;
}

}  // namespace

load::Target reach(const config::Url& url, const settings::Http& settings, const std::function<bool()>& cancelled) {
    const std::string name = url.host + ":" + std::to_string(url.port);
    std::string reason = "no address";
    for (const tcp::endpoint& endpoint : look_up(url, settings, cancelled)) {
        const std::error_code failure = try_connect(endpoint, settings.connect_timeout, cancelled);
        if (cancelled()) {
            throw base::RunError("cancelled");
        }
        if (!failure) {
            load::Target target;
            target.name = name;
            target.address_length = static_cast<socklen_t>(endpoint.size());
            std::memcpy(&target.address, endpoint.data(), endpoint.size());
            return target;
        }
        reason = failure == asio::error::timed_out
                     ? "no answer within " +
                           std::to_string(std::chrono::duration<double>(settings.connect_timeout).count()) +
                           " s (AIPERF_HTTP_CONNECT_TIMEOUT)"
                     : failure.message();
        reason =
            endpoint.address().to_string() == url.host ? reason : reason + " (" + endpoint.address().to_string() + ")";
    }
    throw base::RunError(words_of(name, reason));
}

std::string host_header(const config::Url& url) {
    const bool v6 = url.host.find(':') != std::string::npos;
    return (v6 ? "[" + url.host + "]" : url.host) + (url.port == 80 ? "" : ":" + std::to_string(url.port));
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

std::vector<load::Target> reach_targets(const config::RunConfig& config,
                                        const endpoint::Endpoint& endpoint,
                                        const settings::Settings& settings,
                                        const std::function<bool()>& cancelled) {
    std::vector<std::pair<std::string, std::string>> headers = config.headers;
    if (config.api_key) {
        headers.emplace_back("Authorization", "Bearer " + *config.api_key);
    }
    std::vector<load::Target> targets;
    for (const std::string& text : config.urls) {
        const config::Url url = config::parse_url(text);
        targets.push_back(reach(url, settings.http, cancelled));
        build_head(targets.back(), head_options(config, endpoint, settings, url), headers);
    }
    return targets;
}

}  // namespace aiperf::control
