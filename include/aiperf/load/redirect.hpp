#pragma once

#include "aiperf/load/exchange.hpp"
#include "aiperf/load/plan.hpp"

#include <string>

namespace aiperf::load {

/// True for the statuses that name another place for the request: 301, 302, 303, 307, 308.
[[nodiscard]] bool is_redirect(int status) noexcept;

/// Makes `exchange`, whose answer redirects it, into the request that follows (RFC 9110, section 15.4): 307 and 308
/// repeat it; 301, 302 and 303 ask by GET without a body. Only the place it came from and the run's other targets are
/// gone to, since names are looked up before the run; to another origin no credentials are taken along. The target may
/// change. Returns why it is not followed, or an empty text.
[[nodiscard]] std::string follow_redirect(Exchange& exchange, const LoadPlan& plan);

}  // namespace aiperf::load
