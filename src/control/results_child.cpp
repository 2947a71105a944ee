#include "aiperf/api/wire.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/process/memory_file.hpp"
#include "aiperf/process/message.hpp"
#include "helper_words.hpp"
#include "results_host.hpp"

#include <nlohmann/json.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

namespace aiperf::control {

namespace {

constexpr auto k_beyond_closing = std::chrono::seconds(1);  // the server's own end, before the signals come

api::Audience audience_of(const nlohmann::json& message) {
    const auto moment = [&](const char* key) {
        return base::Instant(base::Nanoseconds(message.value<std::int64_t>(key, 0)));
    };
    return {message.value<std::size_t>("clients", 0),
            message.value<std::size_t>("unread", 0),
            moment("last_unread_ns"),
            moment("last_active_ns")};
}

/// What the supervisor's thread hears of the server; it may do so after the host has gone.
class Hearing {
public:
    explicit Hearing(ResultsEvents events)
        : events_(std::move(events)) {}

    /// `send`: hands a progress to the server.
    void take(std::string_view payload, const std::function<void(std::string)>& send) {
        const auto message = process::parse_message(payload);
        if (!message) {
            return;
        }
        if (message->type == k_shutdown) {
            call([this] { events_.on_shutdown_request(); });
            return;
        }
        const std::scoped_lock lock(mutex_);
        if (message->type == k_listening) {
            const auto place = nlohmann::json::parse(payload);
            url_ = place.value("url", "");
            port_ = place.value<std::uint16_t>("port", 0);
        } else if (message->kind == process::Message::Kind::registered) {
            refusal_ = message->error;
        } else if (message->type == k_taken) {
            progress_under_way_ = !next_progress_.empty();
            if (progress_under_way_) {
                send(std::exchange(next_progress_, {}));
            }
        } else if (message->type == k_published) {
            published_ = base::now();
        } else if (message->type == k_audience) {
            audience_ = audience_of(nlohmann::json::parse(payload));
        }
        changed_.notify_all();
    }

    void bury(const process::DeathReport& report) {
        if (events_.on_death && !report.expected &&
            report.last_view.registration == process::Registration::registered) {
            call([&] { events_.on_death(report.sentence); });
        }
        const std::scoped_lock lock(mutex_);
        dead_ = true;
        changed_.notify_all();
    }

    /// Nothing is told any more, and no telling is under way.
    void silence() {
        const std::scoped_lock lock(telling_);
        silent_ = true;
    }

    /// True: the progress may be sent, and counts as being under way; else it waits, in place of an earlier one.
    bool begin_progress(const std::string& progress) {
        const std::scoped_lock lock(mutex_);
        if (std::exchange(progress_under_way_, true)) {
            next_progress_ = progress;
            return false;
        }
        return true;
    }

    /// The progress that waits; empty = none.
    [[nodiscard]] std::string take_waiting() {
        const std::scoped_lock lock(mutex_);
        return std::exchange(next_progress_, {});
    }

    bool wait_published(base::Instant deadline) {
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, deadline, [this] { return published_ || dead_; });
        return published_.has_value();
    }

    [[nodiscard]] std::optional<base::Instant> published() const {
        const std::scoped_lock lock(mutex_);
        return published_;
    }

    [[nodiscard]] api::Audience audience() const {
        const std::scoped_lock lock(mutex_);
        return audience_;
    }

    [[nodiscard]] std::string url() const {
        const std::scoped_lock lock(mutex_);
        return url_;
    }

    [[nodiscard]] std::uint16_t port() const {
        const std::scoped_lock lock(mutex_);
        return port_;
    }

    [[nodiscard]] std::string refusal() const {
        const std::scoped_lock lock(mutex_);
        return refusal_;
    }

private:
    template <class Telling>
    void call(const Telling& telling) {
        const std::scoped_lock lock(telling_);
        if (!silent_) {
            telling();
        }
    }

    ResultsEvents events_;
    std::mutex telling_;
    bool silent_ = false;  // guarded by telling_
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string url_;  // this and the rest: guarded by mutex_
    std::uint16_t port_ = 0;
    std::string refusal_;
    bool progress_under_way_ = false;
    std::string next_progress_;  // waits until the one under way was taken
    std::optional<base::Instant> published_;
    api::Audience audience_;
    bool dead_ = false;
};

class ProcessHost final : public ResultsHost {
public:
    ProcessHost(const api::Opening& opening, ResultsEvents events, const ProcessKit& kit)
        : supervisor_(kit.supervisor),
          closing_(opening.options.shutdown_timeout + k_beyond_closing),
          last_steps_(2 * kit.times.task_cancel_timeout_short + k_beyond_closing),
          hearing_(std::make_shared<Hearing>(std::move(events))) {
        const process::Descriptor file = process::make_memory_file("aiperf-results-server", api::encode(opening));
        process::ChildOptions options = kit.child(k_results_role, {k_results_role});
        options.spawn.inherited = {file.get()};
        options.handlers.on_message = [hearing = hearing_, &supervisor = supervisor_](process::ChildId child,
                                                                                      std::string_view payload) {
            hearing->take(payload, [&](std::string progress) { supervisor.send(child, std::move(progress)); });
        };
        options.handlers.on_death = [hearing = hearing_](const process::DeathReport& report) { hearing->bury(report); };
        child_ = supervisor_.start(std::move(options));
        try {
            await_listener(kit);
        } catch (...) {
            hearing_->silence();
            ProcessHost::close();
            throw;
        }
    }

    ~ProcessHost() override {
        hearing_->silence();
        close();
    }

    ProcessHost(const ProcessHost&) = delete;
    ProcessHost& operator=(const ProcessHost&) = delete;

    std::string url() const override { return hearing_->url(); }

    std::uint16_t port() const override { return hearing_->port(); }

    bool is_alive() const override { return supervisor_.view(child_).alive(); }

    void show(const api::Progress& progress) override {
        std::string message = message_of(k_progress, api::encode(progress));
        if (hearing_->begin_progress(message)) {
            supervisor_.send(child_, std::move(message));
        }
    }

    bool publish(const api::Ending& ending, base::Instant deadline) override {
        if (std::string waiting = hearing_->take_waiting(); !waiting.empty()) {
            supervisor_.send(child_, std::move(waiting));  // who sees the end sees the last progress
        }
        supervisor_.send(child_, message_of(k_publish, api::encode(ending)));
        return hearing_->wait_published(deadline);
    }

    std::optional<base::Instant> confirmed() const override { return hearing_->published(); }

    api::Audience audience() const override { return hearing_->audience(); }

    void announce_end(base::Instant end) override {
        supervisor_.send(child_, message_of(k_end_at, std::to_string(end.time_since_epoch().count())));
    }

    void close() override {
        supervisor_.stop(child_, base::now() + closing_);
        static_cast<void>(supervisor_.wait_ended(child_, base::now() + closing_ + last_steps_));
    }

private:
    static std::string message_of(const char* kind, const std::string& body) { return std::string(kind) + '\n' + body; }

    void await_listener(const ProcessKit& kit) {
        const std::string reason = kit.await(child_);
        if (const std::string refusal = hearing_->refusal(); !refusal.empty()) {
            throw base::RunError(refusal);
        }
        if (!reason.empty()) {
            throw base::ProcessError("the results server did not start: " + reason);
        }
    }

    process::Supervisor& supervisor_;
    base::Nanoseconds closing_;
    base::Nanoseconds last_steps_;
    std::shared_ptr<Hearing> hearing_;
    process::ChildId child_{};
};

}  // namespace

std::unique_ptr<ResultsHost> host_in_process(const api::RunFacts& facts,
                                             const api::ServerOptions& options,
                                             ResultsEvents events,
                                             const ProcessKit& kit) {
    return std::make_unique<ProcessHost>(api::Opening{facts, options}, std::move(events), kit);
}

}  // namespace aiperf::control
