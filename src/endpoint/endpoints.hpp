#pragma once

#include "aiperf/endpoint/endpoint.hpp"

namespace aiperf::endpoint {

[[nodiscard]] const Endpoint& chat();
[[nodiscard]] const Endpoint& completions();

}  // namespace aiperf::endpoint
