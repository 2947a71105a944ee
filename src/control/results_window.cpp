#include "results_window.hpp"

#include "../api/access.hpp"
#include "../api/listener.hpp"
#include "aiperf/api/server.hpp"
#include "aiperf/api/status_file.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/base/thread_name.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/config/words.hpp"
#include "ending.hpp"
#include "preparation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <unistd.h>
#include <utility>

namespace aiperf::control {

namespace {

constexpr auto k_look_again = std::chrono::milliseconds(100);
constexpr auto k_confirm_within = std::chrono::seconds(1);
constexpr auto k_beyond_closing = std::chrono::seconds(1);

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

api::HoldRules rules_of(const Preparation& preparation) {
    const settings::ApiServer& settings = preparation.settings.api_server;
    api::HoldRules rules;
    rules.grace = settings.post_complete_grace;
    rules.grace_max = settings.post_complete_grace_max;
    rules.ends_when_read = settings.post_complete_ack;
    rules.lingers = preparation.config.api_linger;
    return rules;
}

/// Empty for none.
std::string whole_path(const Preparation& preparation, const std::optional<std::string>& path) {
    return path ? std::filesystem::absolute(preparation.working_directory / *path).string() : std::string{};
}

/// Who may come, and how. A token is made where one is wanted and nobody has given it.
api::ServerOptions options_of(const Preparation& preparation) {
    const settings::ApiServer& settings = preparation.settings.api_server;
    const config::RunConfig& config = preparation.config;
    api::ServerOptions options;
    options.host = config.api_host.value_or(settings.host);
    options.port = static_cast<std::uint16_t>(config.api_port.value_or(settings.port.value_or(0)));
    options.shutdown_timeout = settings.shutdown_timeout;
    const settings::Compression& compression = preparation.settings.compression;
    options.compression = {compression.chunk_size, compression.zstd_level, compression.gzip_level};
    options.limits.streams = settings.websocket_max_connections;
    options.limits.connections += options.limits.streams;  // as many of the others as ever
    api::AccessOptions& access = options.access;
    access.tcp = config.api_port || settings.port;
    access.socket = whole_path(preparation, config.api_socket);
    if (settings.token_wanted && access.tcp) {
        access.token = settings.token.value_or(api::is_loopback_host(options.host) ? "" : api::make_token());
    }
    access.cors_origins = settings.cors_origins;
    access.tls_certificate = whole_path(preparation, settings.tls_cert);
    access.tls_key = whole_path(preparation, settings.tls_key);
    return options;
}

}  // namespace

ResultsWindow::ResultsWindow(const Preparation& preparation, Look look, Log log)
    : state_(facts_of(preparation)),
      look_(std::move(look)),
      log_(std::move(log)),
      rules_(rules_of(preparation)),
      closing_(preparation.settings.api_server.shutdown_timeout + k_beyond_closing),
      response_delay_(preparation.settings.api_server.shutdown_response_delay) {
    // That a run was under way is no news after a failure of the machine: the first request does not wait for the disk.
    api::write_status_file(preparation.artifact_directory, state_.status_body(), report::Durable::no);
}

ResultsWindow::~ResultsWindow() {
    stop_following();
}

void ResultsWindow::stop_following() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (follower_.joinable()) {
        follower_.join();
    }
}

void ResultsWindow::open(const Preparation& preparation, const ProcessKit* kit) {
    const bool by_flag = preparation.config.api_port || preparation.config.api_socket;
    if (!by_flag && !preparation.settings.api_server.port) {
        return;
    }
    try {
        start(preparation, options_of(preparation), kit);
    } catch (const base::RunError& error) {
        if (by_flag) {
            throw;
        }
        log_(spdlog::level::warn,
             std::string(error.what()) + "; the run goes on without a results server (AIPERF_API_SERVER_PORT)");
    }
}

void ResultsWindow::start(const Preparation& preparation, const api::ServerOptions& options, const ProcessKit* kit) {
    ResultsEvents events;
    events.on_shutdown_request = [this] { end_hold_at(base::now() + response_delay_); };
    events.on_death = [this](const std::string& sentence) {
        log_(spdlog::level::warn, sentence + "; the run goes on without it");
    };
    auto host = kit == nullptr ? host_in_thread(state_, options, std::move(events))
                               : host_in_process(state_.facts(), options, std::move(events), *kit);
    api::write_api_file(preparation.artifact_directory,
                        {host->url(),
                         options.access.tcp ? options.host : std::string{},
                         host->port(),
                         options.access.socket,
                         ::getpid(),
                         preparation.benchmark_id()});
    {
        const std::scoped_lock lock(mutex_);
        host_ = std::move(host);
        token_ = options.access.token;
    }
    follower_ = std::thread([this] { follow(); });
}

void ResultsWindow::follow() {
    base::name_this_thread("results window");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        api::Progress progress = look_();
        host_->show(progress);
        state_.set_progress(std::move(progress));
        lock.lock();
        changed_.wait_for(lock, k_look_again, [this] { return stopping_; });
    }
}

void ResultsWindow::publish(const Result& result) {
    const api::Ending ending = ending_of(result);
    if (host_ != nullptr) {
        stop_following();  // what is shown now stays
        api::Progress last = look_();
        last.metrics = api::snapshots(result.summary);
        last.system_state = api::SystemState::processing;
        host_->show(last);
        state_.set_progress(std::move(last));
    }
    std::exception_ptr failure;
    try {
        state_.publish(ending,
                       [&result](const std::string& body) { api::write_status_file(result.artifact_directory, body); });
    } catch (...) {
        failure = std::current_exception();  // the file; what the server says does not depend on it
    }
    if (host_ != nullptr && host_->is_alive()) {
        const bool confirmed = host_->publish(ending, base::now() + k_confirm_within);
        if (!confirmed && host_->is_alive()) {
            log_(spdlog::level::warn,
                 "the results server did not confirm the run's end within 1 s; it is held all the same");
        }
    }
    published_ = base::now();
    if (failure) {
        std::rethrow_exception(failure);
    }
}

void ResultsWindow::hold_and_close(base::Instant latest) {
    if (host_ == nullptr) {
        return;
    }
    api::HoldSurroundings surroundings;
    surroundings.now = [] { return base::now(); };
    surroundings.is_listening = [this] { return host_->is_alive(); };
    surroundings.announce = [this](base::Instant end) { host_->announce_end(end); };
    surroundings.wait = [this](base::Instant deadline) { return wait(deadline); };
    surroundings.confirmed = [this] { return host_->confirmed(); };
    surroundings.audience = [this] { return host_->audience(); };
    if (latest != base::Instant::max()) {
        rules_.latest = latest - std::min(closing_, latest - base::now());
    }
    tell_stay();
    api::hold(published_, rules_, surroundings);
    state_.set_system_state(api::SystemState::stopping);
    host_->show(state_.view().progress);
    host_->close();
}

void ResultsWindow::tell_stay() {
    const api::HoldTerm term = api::hold_term(published_, rules_, host_->confirmed(), host_->audience());
    const base::Nanoseconds stay = term.end - base::now();
    if (!host_->is_alive() || stay.count() <= 0) {
        return;
    }
    const double seconds = std::chrono::duration<double>(stay).count();
    log_(spdlog::level::info,
         term.end == base::Instant::max()
             ? fmt::format("results server: {} stays until POST /api/shutdown or a signal", host_->url())
             : fmt::format("results server: {} stays for {:.1f} s", host_->url(), seconds));
}

std::optional<base::Nanoseconds> ResultsWindow::longest_hold() const noexcept {
    if (rules_.lingers) {
        return std::nullopt;
    }
    return std::max({rules_.grace, rules_.grace_max, api::k_delivery_floor}) + closing_;
}

api::Wake ResultsWindow::wait(base::Instant deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, std::min({deadline, asked_, base::now() + k_look_again}));
    if (base::now() >= asked_) {
        return api::Wake::asked;
    }
    return host_->is_alive() ? api::Wake::deadline : api::Wake::server_died;
}

void ResultsWindow::end_hold_at(base::Instant when) noexcept {
    const std::scoped_lock lock(mutex_);
    asked_ = std::min(asked_, when);
    changed_.notify_all();
}

void ResultsWindow::end_hold() noexcept {
    end_hold_at(base::now());
}

std::string ResultsWindow::url() const {
    const std::scoped_lock lock(mutex_);
    return host_ == nullptr ? std::string{} : host_->url();
}

std::string ResultsWindow::token() const {
    const std::scoped_lock lock(mutex_);
    return token_;
}

}  // namespace aiperf::control
