#pragma once

#include "aiperf/base/error.hpp"
#include "aiperf/control/run.hpp"
#include "composer.hpp"
#include "crew.hpp"
#include "load_driver.hpp"
#include "outcome.hpp"
#include "preparation.hpp"
#include "progress_log.hpp"
#include "record_sink.hpp"
#include "results_window.hpp"
#include "token_counter.hpp"
#include "watchdog.hpp"

#include <spdlog/logger.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace aiperf::control {

enum class Wish : std::uint8_t { none, cancel, abort };

/// What a Run is made of: one thread leads it from the preparation to the end of the results server's grace; all
/// other calls look at what that thread has noted, or leave a wish.
class Run::Impl {
public:
    Impl(config::RunConfig config, Environment environment)
        : environment_(std::move(environment)),
          prepared_(prepare(std::move(config), environment_)) {
        for (const std::string& warning : prepared_.warnings) {
            log(spdlog::level::warn, warning);
        }
    }

    ~Impl() {
        wish(Wish::abort);
        end_hold();
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void start() {
        const std::scoped_lock lock(mutex_);
        if (!started_) {
            started_ = true;
            watchdog_ = std::make_unique<Watchdog>(environment_.on_stuck);
            watchdog_->enter(stage_, std::nullopt);
            thread_ = std::thread([this] { execute(); });
        }
    }

    void wish(Wish level) noexcept {
        Wish now = wish_.load();
        while (now < level && !wish_.compare_exchange_weak(now, level)) {
        }
        const std::scoped_lock lock(mutex_);
        if (driver_ != nullptr) {
            driver_->stop(load::Stop::in_flight);
        }
        if (watchdog_ != nullptr && !done_) {
            watchdog_->enter(stage_ + " (cancelled)", base::now() + time_to_cancel());
        }
    }

    bool wait_for(base::Nanoseconds timeout) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, timeout, [this] { return done_; });
    }

    [[nodiscard]] bool done() const noexcept {
        const std::scoped_lock lock(mutex_);
        return done_;
    }

    const Result& result() {
        std::unique_lock lock(mutex_);
        if (!started_) {
            throw base::RunError("the run was never started");
        }
        changed_.wait(lock, [this] { return done_; });
        return result_;
    }

    void cancel(int exit_code) noexcept {
        std::int64_t never = 0;
        cancelled_ns_.compare_exchange_strong(never, base::now_ns());
        int none = 0;
        cancel_code_.compare_exchange_strong(none, exit_code);
        wish(Wish::cancel);
    }

    bool wait_closed_for(base::Nanoseconds timeout) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, timeout, [this] { return closed_; });
    }

    void end_hold() noexcept {
        const std::scoped_lock lock(mutex_);
        if (window_ != nullptr && (done_ || wish_.load() == Wish::abort)) {
            window_->end_hold();
        }
    }

    void close() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return closed_ || !started_; });
    }

    [[nodiscard]] std::string api_url() const {
        const std::scoped_lock lock(mutex_);
        return window_ == nullptr ? std::string{} : window_->url();
    }

    [[nodiscard]] std::string api_token() const {
        const std::scoped_lock lock(mutex_);
        return window_ == nullptr ? std::string{} : window_->token();
    }

    [[nodiscard]] Snapshot snapshot() const;
    void pass_signal(int signal) noexcept;
    [[nodiscard]] std::vector<std::string> where() const;
    [[nodiscard]] std::vector<pid_t> children() const;

    [[nodiscard]] const Preparation& prepared() const noexcept { return prepared_; }

private:
    void execute() noexcept;
    void put_load(Outcome& outcome);
    void drive(Outcome& outcome, Composer& composer, record::Journal& journal);
    std::uint64_t run_phases(LoadDriver& driver, Composer& composer, Outcome& outcome, record::Journal& journal);
    void stop_sending() noexcept;
    void await_first_prompts(Composer& composer);
    void await_prompts(Composer& composer, Outcome& outcome);
    void note_unready(std::uint64_t requests, Outcome& outcome) const;
    void start_supervisor();
    [[nodiscard]] std::optional<ProcessKit> kit() const;
    [[nodiscard]] MakeCrew crew() const;
    void count_tokens(TokenCounter* counter, std::uint64_t slots);
    void deliver(RecordSink* sink, std::uint64_t slots, Outcome& outcome);
    void enter(const char* stage,
               const schedule::Phase* phase = nullptr,
               std::optional<base::Nanoseconds> longest = std::nullopt);
    [[nodiscard]] base::Nanoseconds time_to_cancel() const noexcept;
    [[nodiscard]] std::optional<base::Instant> deadline_of(const schedule::Phase* phase) const noexcept;
    void open_window();
    void finish(Outcome& outcome) noexcept;
    void show_end() noexcept;
    [[nodiscard]] api::Progress look() const;

    [[nodiscard]] bool cancelled() const noexcept { return wish_.load() != Wish::none; }

    void log(spdlog::level::level_enum level, const std::string& text) const {
        if (environment_.logger) {
            environment_.logger->log(level, text);
        }
    }

    Environment environment_;
    Preparation prepared_;
    std::atomic<Wish> wish_{Wish::none};
    std::atomic<int> cancel_code_{0};
    std::atomic<std::int64_t> cancelled_ns_{0};  // when cancel() was called first; 0 = not
    std::thread thread_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::unique_ptr<Watchdog> watchdog_;               // made by start()
    std::shared_ptr<process::Supervisor> supervisor_;  // null: no process is run; set and reset under mutex_
    bool started_ = false;                             // the rest is guarded by mutex_
    bool done_ = false;
    std::string stage_ = "preparing";
    Snapshot last_;          // counters of the last phase, once its driver is gone
    schedule::Phase phase_;  // while driver_ is set
    base::Instant phase_start_{};
    LoadDriver* driver_ = nullptr;
    ProgressLog progress_;                   // what pollers see of the phases
    std::unique_ptr<ResultsWindow> window_;  // null: not open yet, or closed
    bool closed_ = false;
    Result result_;
};

}  // namespace aiperf::control
