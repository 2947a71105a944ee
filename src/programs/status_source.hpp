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

/// How a results server lets one in.
struct Pass {
    std::string token;       ///< empty: none
    std::string ca_file;     ///< authorities to trust, PEM; empty: the system's
    bool verify_tls = true;  ///< false: whoever answers is believed
};

/// Where a run's status is read. *Thread safety*: none.
class StatusSource {
public:
    virtual ~StatusSource() = default;

    /// The status now; absent: nothing is there yet. Throws base::RunError where the run can have no last word any
    /// more, or the server does not let this one in.
    virtual std::optional<RunStatus> look() = 0;
};

/// A run's artifact directory, or "http://host:port", "https://host:port", "unix:///path".
[[nodiscard]] std::unique_ptr<StatusSource> status_source(const std::string& what, const Pass& pass);

}  // namespace aiperf::programs
