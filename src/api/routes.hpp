#pragma once

#include "aiperf/api/run_state.hpp"
#include "artifact_files.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::api {

/// What the routes look at in a request.
struct Request {
    std::string method;
    std::string target;  ///< as received: path and query
    std::string if_none_match;
};

/// An answer before it becomes bytes. A file's body is streamed by the server.
struct Answer {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::shared_ptr<ArtifactFile> file;  ///< null: `body` counts
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<Status> tells;            ///< how the run has ended, or that it lasts
    std::optional<base::Nanoseconds> wait;  ///< ask again when the run has ended, or after this long
};

/// The routes over a run's state: from a request to an answer, with no socket in sight. *Thread safety*: none.
class Routes {
public:
    struct Options {
        base::Nanoseconds longest_wait = std::chrono::seconds(300);
        std::function<bool()> on_shutdown_request;
    };

    Routes(const RunState& state, Options options);

    /// `may_wait` false: ?wait= is answered at once. `closing`: the listener is on its way out.
    [[nodiscard]] Answer answer(const Request& request, bool may_wait, bool closing) const;

    /// {"detail": …} with a status.
    [[nodiscard]] Answer refusal(int status, const std::string& detail) const;

private:
    struct Target;

    [[nodiscard]] Answer routed(const Request& request, const Target& target, bool may_wait, bool closing) const;
    [[nodiscard]] Answer results(const Request& request, const Target& target, bool may_wait) const;
    [[nodiscard]] Answer list() const;
    [[nodiscard]] Answer file(const Request& request, std::string_view encoded_path) const;
    [[nodiscard]] Answer readiness(bool closing) const;
    [[nodiscard]] Answer shutdown() const;

    const RunState& state_;
    Options options_;
};

}  // namespace aiperf::api
