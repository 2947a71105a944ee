#pragma once

#include <string>
#include <string_view>

namespace aiperf::api {

/// The route table as an OpenAPI 3.1 document.
[[nodiscard]] const std::string& openapi_json();

/// The schemas of bodies, by name: a JSON object, as text.
[[nodiscard]] std::string_view openapi_schemas() noexcept;

}  // namespace aiperf::api
