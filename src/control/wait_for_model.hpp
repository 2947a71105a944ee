#pragma once

#include "aiperf/config/run_config.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "network.hpp"

#include <functional>
#include <string>

namespace aiperf::control {

/// Asks every URL of a resolved configuration whether its model answers, as --wait-for-model-mode says, again and again
/// at the asked interval. Returns once all do; at once where no wait was asked for. Throws base::RunError with the last
/// reason after --wait-for-model-timeout, and where `cancelled` turns true meanwhile. `say` gets a line for each
/// question that failed in another way than the one before. Blocking.
void wait_for_model(const config::RunConfig& config,
                    const endpoint::Endpoint& endpoint,
                    const Surroundings& surroundings,
                    const std::function<bool()>& cancelled,
                    const std::function<void(const std::string&)>& say);

}  // namespace aiperf::control
