#pragma once

#include <memory>
#include <optional>
#include <string>

namespace aiperf::programs {

/// What a run says of itself.
struct RunStatus {
    std::string status;  ///< running, complete, cancelled, incomplete
    std::string error;
    int exit_code = 1;
};

/// Where a run's status is read. *Thread safety*: none.
class StatusSource {
public:
    virtual ~StatusSource() = default;

    /// The status now; absent: nothing is there yet. Throws base::RunError where the run can have no last word any
    /// more.
    virtual std::optional<RunStatus> look() = 0;
};

/// A run's artifact directory, or "http://host:port".
[[nodiscard]] std::unique_ptr<StatusSource> status_source(const std::string& what);

}  // namespace aiperf::programs
