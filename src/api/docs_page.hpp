#pragma once

#include <string_view>

namespace aiperf::api {

/// The page /docs: lists what /openapi.json says and lets a reader try each GET. It asks nobody but this server.
[[nodiscard]] std::string_view docs_page() noexcept;

}  // namespace aiperf::api
