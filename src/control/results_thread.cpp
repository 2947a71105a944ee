#include "results_host.hpp"

#include <utility>

namespace aiperf::control {

namespace {

/// The server reads the run's own state, so there is nothing to hand over.
class ThreadHost final : public ResultsHost {
public:
    ThreadHost(api::RunState& state, api::ServerOptions options)
        : server_(state, std::move(options)) {
        server_.start();
    }

    std::string url() const override { return server_.url(); }

    std::uint16_t port() const override { return server_.port(); }

    bool is_alive() const override { return server_.is_listening(); }

    void show(const api::Progress& /*progress*/) override {}

    /// What the server reads was published already.
    bool publish(const api::Ending& /*ending*/, base::Instant /*deadline*/) override {
        if (!server_.is_listening()) {
            return false;
        }
        confirmed_ = base::now();
        return true;
    }

    std::optional<base::Instant> confirmed() const override { return confirmed_; }

    api::Audience audience() const override { return server_.audience(); }

    void announce_end(base::Instant end) override { server_.announce_end(end); }

    void close() override { server_.close(); }

private:
    std::optional<base::Instant> confirmed_;
    api::Server server_;
};

}  // namespace

std::unique_ptr<ResultsHost> host_in_thread(api::RunState& state, api::ServerOptions options, ResultsEvents events) {
    options.on_shutdown_request = [ask = std::move(events.on_shutdown_request)] {
        ask();
        return true;
    };
    return std::make_unique<ThreadHost>(state, std::move(options));
}

}  // namespace aiperf::control
