#pragma once

#include "aiperf/config/run_config.hpp"
#include "aiperf/config/url.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/load/target.hpp"
#include "aiperf/settings/settings.hpp"
#include "patient_connection.hpp"
#include "proxy.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace aiperf::control {

/// What connections depend on beside the configuration.
struct Surroundings {
    settings::Settings settings;
    Proxies proxies;  ///< of the environment, where AIPERF_HTTP_TRUST_ENV asks for them
    std::filesystem::path working_directory;
};

[[nodiscard]] Manner manner_of(const config::RunConfig& config, const Surroundings& surroundings);

/// Throws base::ConfigError for a source address that this machine does not have.
void check_sources(const config::RunConfig& config);

/// Finds out how a server can be reached: looks its name (or its proxy's) up once, tries all addresses at the same time
/// (a connection each, made and closed without a request) and keeps those that answer by 250 ms after the first; with
/// TLS, shakes hands once. Blocking. *Lifetime*: refers to what it is made from.
class Reach {
public:
    using Cancelled = std::function<bool()>;
    using Say = std::function<void(const std::string&)>;

    Reach(const config::RunConfig& config, const Surroundings& surroundings, Cancelled cancelled, Say say);

    /// The target without the head of requests. Throws base::RunError "cannot connect to host:port: reason (address)"
    /// where no address answers within `timeout`, and once cancelled.
    [[nodiscard]] load::Target operator()(const config::Url& url, base::Nanoseconds timeout) const;

    [[nodiscard]] const Manner& manner() const noexcept { return manner_; }

private:
    void agree(PatientConnection& connection, load::Target& target) const;

    const settings::Http& settings_;
    const Proxies& proxies_;
    config::HttpVersion version_;
    Manner manner_;
    Cancelled cancelled_;
    Say say_;
};

/// The targets of a resolved configuration, with the heads of their requests. Errors as Reach.
[[nodiscard]] std::vector<load::Target> reach_targets(const config::RunConfig& config,
                                                      const endpoint::Endpoint& endpoint,
                                                      const Surroundings& surroundings,
                                                      const Reach& reach);

/// Value of the Host header.
[[nodiscard]] std::string host_header(const config::Url& url);

/// Path of the requests of a run to `url`.
[[nodiscard]] std::string request_path(const config::RunConfig& config,
                                       const endpoint::Endpoint& endpoint,
                                       const config::Url& url);

/// Path of requests: the base URL's path and the endpoint's, where they overlap ("/v1", or the whole) only once.
/// A custom endpoint replaces the endpoint's path; "" appends nothing.
[[nodiscard]] std::string join_path(const std::string& base, const std::string& path);

}  // namespace aiperf::control
