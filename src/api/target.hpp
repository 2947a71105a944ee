#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::api {

/// A request's target, taken apart.
struct Target {
    std::string path;                                        ///< still encoded
    std::vector<std::pair<std::string, std::string>> query;  ///< decoded; a value that cannot be, or is missing: "%"

    /// Of any text, also of a whole URL, as a proxy may send it.
    explicit Target(std::string_view text);

    /// The first value of a key; null: the query does not have it.
    [[nodiscard]] const std::string* find(std::string_view key) const;
};

}  // namespace aiperf::api
