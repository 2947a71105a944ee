#pragma once

#include "aiperf/api/run_state.hpp"
#include "aiperf/api/server.hpp"
#include "aiperf/base/clock.hpp"
#include "crew.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace aiperf::control {

/// Where a run's results server lives. *Thread safety*: close() is called once, from one thread; the rest from any.
class ResultsHost {
public:
    virtual ~ResultsHost() = default;

    [[nodiscard]] virtual std::string url() const = 0;
    [[nodiscard]] virtual std::uint16_t port() const = 0;

    /// Registered, not over by its own word, its process there, its listener open.
    [[nodiscard]] virtual bool is_alive() const = 0;

    /// Shows how far the run is.
    virtual void show(const api::Progress& progress) = 0;

    /// Makes the run's end visible; true once that is confirmed, false where it was not by `deadline`.
    virtual bool publish(const api::Ending& ending, base::Instant deadline) = 0;

    /// When that was confirmed, in time or later.
    [[nodiscard]] virtual std::optional<base::Instant> confirmed() const = 0;

    /// Who has asked how the run ends, and who knows.
    [[nodiscard]] virtual api::Audience audience() const = 0;

    /// Tells when close() will come.
    virtual void announce_end(base::Instant end) = 0;

    /// Stops listening, finishes what is in flight within the server's shutdown timeout, and is gone.
    virtual void close() = 0;
};

/// What a host tells, on a thread of its own.
struct ResultsEvents {
    std::function<void()> on_shutdown_request;           ///< POST /api/shutdown was answered
    std::function<void(const std::string&)> on_death{};  ///< the process ended untold; a sentence
};

/// A thread of this process. `state` outlives it. Throws base::RunError where it cannot listen.
[[nodiscard]] std::unique_ptr<ResultsHost> host_in_thread(api::RunState& state,
                                                          api::ServerOptions options,
                                                          ResultsEvents events);

/// A process. Throws base::RunError where it cannot listen, or does not come up.
[[nodiscard]] std::unique_ptr<ResultsHost> host_in_process(const api::RunFacts& facts,
                                                           const api::ServerOptions& options,
                                                           ResultsEvents events,
                                                           const ProcessKit& kit);

}  // namespace aiperf::control
