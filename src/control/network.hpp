#pragma once

#include "aiperf/config/run_config.hpp"
#include "aiperf/config/url.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/load/target.hpp"
#include "aiperf/settings/settings.hpp"

#include <functional>
#include <string>
#include <vector>

namespace aiperf::control {

/// Looks up every URL's host once and finds an address that takes connections (one is made and closed, without a
/// request). Throws base::RunError "cannot connect to host:port (address): reason" where none does within the connect
/// timeout, and where `cancelled` turns true meanwhile. Blocking.
[[nodiscard]] std::vector<load::Target> reach_targets(const config::RunConfig& config,
                                                      const endpoint::Endpoint& endpoint,
                                                      const settings::Settings& settings,
                                                      const std::function<bool()>& cancelled);

/// The same for one URL, without the head of requests.
[[nodiscard]] load::Target reach(const config::Url& url,
                                 const settings::Http& settings,
                                 const std::function<bool()>& cancelled);

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
