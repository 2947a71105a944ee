#pragma once

#include "aiperf/api/run_state.hpp"
#include "answer.hpp"
#include "target.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace aiperf::api {

struct Route;

/// The routes over a run's state: from a request to an answer, with no socket in sight. *Thread safety*: none.
class Routes {
public:
    struct Options {
        base::Nanoseconds longest_wait = std::chrono::seconds(300);
        std::function<bool()> on_shutdown_request{};
        Compression compression{};
    };

    /// A request, and what its route needs besides.
    struct Call {
        const Request& request;
        const Target& target;
        std::string_view rest;  ///< of the path, where the route's path ends in a parameter; still encoded
        bool may_wait;
        bool closing;
    };

    Routes(const RunState& state, Options options);

    /// `may_wait` false: ?wait= is answered at once. `closing`: the listener is on its way out.
    [[nodiscard]] Answer answer(const Request& request, bool may_wait, bool closing) const;

    /// {"detail": …} with a status.
    [[nodiscard]] Answer refusal(int status, const std::string& detail) const;

    /// Every route there is, in the order of the documentation.
    [[nodiscard]] static std::span<const Route> table() noexcept;

private:
    [[nodiscard]] Answer routed(const Call& call) const;
    [[nodiscard]] Answer results(const Call& call) const;
    [[nodiscard]] Answer list(const Call& call) const;
    [[nodiscard]] Answer file(const Call& call) const;
    [[nodiscard]] Answer archive(const Call& call) const;
    [[nodiscard]] Answer progress(const Call& call) const;
    [[nodiscard]] Answer metrics(const Call& call) const;
    [[nodiscard]] Answer workers(const Call& call) const;
    [[nodiscard]] Answer config(const Call& call) const;
    [[nodiscard]] Answer run(const Call& call) const;
    [[nodiscard]] Answer prometheus(const Call& call) const;
    [[nodiscard]] Answer health(const Call& call) const;
    [[nodiscard]] Answer readiness(const Call& call) const;
    [[nodiscard]] Answer shutdown(const Call& call) const;
    [[nodiscard]] Answer openapi(const Call& call) const;
    [[nodiscard]] Answer docs(const Call& call) const;
    [[nodiscard]] Answer not_ready() const;

    const RunState& state_;
    Options options_;
};

}  // namespace aiperf::api
