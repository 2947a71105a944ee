#include "results_window.hpp"

#include "aiperf/api/hold.hpp"
#include "aiperf/api/server.hpp"
#include "aiperf/api/status_file.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/config/words.hpp"
#include "preparation.hpp"

#include <algorithm>
#include <unistd.h>
#include <utility>

namespace aiperf::control {

namespace {

constexpr auto k_look_again = std::chrono::milliseconds(100);

api::RunFacts facts_of(const Preparation& preparation) {
    const config::RunConfig& config = preparation.config;
    const base::WallAnchor anchor = base::WallAnchor::take();
    api::RunFacts facts;
    facts.run_id = preparation.benchmark_id();
    facts.pid = ::getpid();
    facts.started_at_ns = anchor.wall_ns;
    facts.artifact_directory = preparation.artifact_directory;
    facts.config_json = config::to_json(config);
    facts.random_seed = config.random_seed;
    facts.cli_command = config.cli_command;
    facts.model = config.model_names.front();
    facts.endpoint_type = config::to_string(config.endpoint_type);
    facts.streaming = config.streaming;
    facts.concurrency = config.concurrency;
    facts.request_rate = config.request_rate;
    return facts;
}

api::Status status_of(Status status) noexcept {
    switch (status) {
        case Status::complete: return api::Status::complete;
        case Status::cancelled: return api::Status::cancelled;
        case Status::running:
        case Status::incomplete: break;
    }
    return api::Status::incomplete;
}

api::Ending ending_of(const Result& result) {
    api::Ending ending;
    ending.status = status_of(result.status);
    ending.exit_code = result.exit_code();
    if (!result.error.empty()) {
        ending.error = api::RunFailure{"RunError", result.error};
    }
    if (result.records != nullptr && !result.records->records().empty()) {
        const bool whole = result.status == Status::complete;
        ending.results_json =
            api::results_json(result.summary, result.status == Status::cancelled, whole ? std::string{} : result.error);
    }
    ending.partial = result.artifacts.empty();
    return ending;
}

}  // namespace

ResultsWindow::ResultsWindow(const Preparation& preparation, Look look, const Warn& warn)
    : state_(facts_of(preparation)),
      grace_(preparation.settings.api_server.post_complete_grace) {
    api::write_status_file(preparation.artifact_directory, state_.status_body());
    open(preparation, warn);
    if (server_ != nullptr) {
        follower_ = std::thread([this, look = std::move(look)] { follow(look); });
    }
}

ResultsWindow::~ResultsWindow() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (follower_.joinable()) {
        follower_.join();
    }
    if (server_ != nullptr) {
        server_->close();
    }
}

void ResultsWindow::open(const Preparation& preparation, const Warn& warn) {
    const settings::ApiServer& settings = preparation.settings.api_server;
    const bool by_flag = preparation.config.api_port.has_value();
    if (!by_flag && !settings.port) {
        return;
    }
    api::ServerOptions options;
    options.host = preparation.config.api_host.value_or(settings.host);
    options.port = static_cast<std::uint16_t>(by_flag ? *preparation.config.api_port : *settings.port);
    options.shutdown_timeout = settings.shutdown_timeout;
    options.on_shutdown_request = [this] {
        end_hold();
        return true;
    };
    auto server = std::make_unique<api::Server>(state_, options);
    try {
        server->start();
    } catch (const base::RunError& error) {
        if (by_flag) {
            throw;
        }
        warn(std::string(error.what()) + "; the run goes on without a results server (AIPERF_API_SERVER_PORT)");
        return;
    }
    api::write_api_file(preparation.artifact_directory,
                        {server->url(), options.host, server->port(), ::getpid(), preparation.benchmark_id()});
    const std::scoped_lock lock(mutex_);
    server_ = std::move(server);
}

void ResultsWindow::follow(const Look& look) {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        state_.set_progress(look());
        lock.lock();
        changed_.wait_for(lock, k_look_again, [this] { return stopping_; });
    }
}

void ResultsWindow::publish(const Result& result) {
    if (server_ != nullptr) {
        api::Progress last = state_.view().progress;
        last.metrics = api::snapshots(result.summary);
        last.system_state = api::SystemState::processing;
        state_.set_progress(std::move(last));
    }
    state_.publish(ending_of(result),
                   [&result](const std::string& body) { api::write_status_file(result.artifact_directory, body); });
    published_ = base::now();
}

void ResultsWindow::hold_and_close(base::Instant latest) {
    if (server_ == nullptr) {
        return;
    }
    api::HoldSurroundings surroundings;
    surroundings.now = [] { return base::now(); };
    surroundings.is_listening = [this] { return server_->is_listening(); };
    surroundings.announce = [this](base::Instant end) { server_->announce_end(end); };
    surroundings.wait = [this](base::Instant deadline) {
        std::unique_lock lock(mutex_);
        const base::Instant look = std::min(deadline, base::now() + k_look_again);
        if (changed_.wait_until(lock, look, [this] { return asked_; })) {
            return api::Wake::asked;
        }
        return server_->is_listening() ? api::Wake::deadline : api::Wake::server_died;
    };
    api::hold(published_, grace_, surroundings, latest);
    state_.set_system_state(api::SystemState::stopping);
    server_->close();
}

void ResultsWindow::end_hold() noexcept {
    const std::scoped_lock lock(mutex_);
    asked_ = true;
    changed_.notify_all();
}

std::string ResultsWindow::url() const {
    const std::scoped_lock lock(mutex_);
    return server_ == nullptr ? std::string{} : server_->url();
}

}  // namespace aiperf::control
