#pragma once

#include "routes.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace aiperf::api {

/// Where a parameter stands in a request.
enum class Place : std::uint8_t { path, query, header };

/// The word OpenAPI has for it.
[[nodiscard]] std::string_view to_string(Place place) noexcept;

/// What a client may say in a request.
struct Parameter {
    std::string_view name;
    Place place;
    std::string_view schema;   ///< JSON Schema, as text
    std::string_view meaning;  ///< for people
};

/// One way in which a route answers.
struct Outcome {
    int status;
    std::string_view meaning;       ///< for people
    std::string_view content_type;  ///< empty: there is no body
    std::string_view schema;        ///< name of a schema of openapi_schemas(); empty: any text or bytes
};

/// One route. Requests are led by this table, and /openapi.json and the reference are made from or checked against it.
struct Route {
    std::string_view method;  ///< "GET" is HEAD too
    std::string_view path;    ///< one that ends in a parameter in braces takes whatever follows
    std::string_view summary;
    std::span<const Parameter> parameters;
    std::span<const Outcome> outcomes;  ///< without those of every route: common_outcomes()
    /// Null: it is answered elsewhere, before the routes are asked (streams of events, WebSockets).
    Answer (Routes::*handler)(const Routes::Call& call) const;

    /// What of a path stands for the parameter in the route's own; absent: it is not this route's path.
    [[nodiscard]] std::optional<std::string_view> rest_of(std::string_view of_path) const noexcept;
};

/// The parameter every route knows.
[[nodiscard]] const Parameter& common_parameter() noexcept;

/// Refusals any route may answer with.
[[nodiscard]] std::span<const Outcome> common_outcomes() noexcept;

}  // namespace aiperf::api
