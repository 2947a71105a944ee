#include "aiperf/process/supervisor.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/thread_name.hpp"
#include "board.hpp"
#include "supervision.hpp"

#include <atomic>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

namespace aiperf::process {

class Supervisor::Impl {
public:
    explicit Impl(SupervisorHandlers handlers)
        : work_(std::move(handlers), board_),
          thread_([this] { run(); }),
          own_thread_(thread_.get_id()) {}

    [[nodiscard]] const Board& board() const noexcept { return board_; }

    ChildId start(ChildOptions options) {
        const ChildId id{next_id_.fetch_add(1)};
        if (on_own_thread()) {
            work_.start(id, std::move(options));
            return id;
        }
        const std::string name = options.spawn.name;
        auto started = std::make_shared<std::promise<void>>();
        auto result = started->get_future();
        const bool taken = work_.post([this, id, started, options = std::move(options)]() mutable {
            try {
                work_.start(id, std::move(options));
                started->set_value();
            } catch (...) {
                started->set_exception(std::current_exception());
            }
        });
        if (!taken) {
            throw base::RunError("cannot start " + name + ": its supervisor was shut down");
        }
        result.get();
        return id;
    }

    /// Calls `task` on the supervisor's thread; at once, if that is the calling one.
    template <typename Task>
    void perform(Task task) {
        if (on_own_thread()) {
            task(work_);
        } else {
            work_.post([this, task = std::move(task)] { task(work_); });
        }
    }

    void shutdown() {
        perform([](Supervision& work) { work.quit(); });
        const std::lock_guard lock(join_mutex_);
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    [[nodiscard]] std::exception_ptr take_error() {
        const std::lock_guard lock(join_mutex_);
        return std::exchange(error_, nullptr);
    }

private:
    void run() noexcept {
        base::name_this_thread("supervisor");
        std::exception_ptr failure;
        try {
            work_.run();
        } catch (...) {
            failure = std::current_exception();
            work_.close();
        }
        error_ = failure ? failure : work_.first_error();
    }

    [[nodiscard]] bool on_own_thread() const { return std::this_thread::get_id() == own_thread_; }

    Board board_;
    Supervision work_;
    std::atomic<std::uint32_t> next_id_{1};
    std::exception_ptr error_;  // written before the thread ends, read after the join
    std::mutex join_mutex_;
    std::thread thread_;
    const std::thread::id own_thread_;
};

Supervisor::Supervisor(SupervisorHandlers handlers)
    : impl_(std::make_unique<Impl>(std::move(handlers))) {}

Supervisor::~Supervisor() {
    impl_->shutdown();
}

ChildId Supervisor::start(ChildOptions options) {
    return impl_->start(std::move(options));
}

ServiceView Supervisor::view(ChildId child) const {
    return impl_->board().view(child);
}

pid_t Supervisor::pid(ChildId child) const {
    return impl_->board().pid(child);
}

std::vector<pid_t> Supervisor::pids() const {
    return impl_->board().pids();
}

std::vector<std::string> Supervisor::describe() const {
    return impl_->board().describe();
}

std::optional<StopStep> Supervisor::stop_step(ChildId child) const {
    return impl_->board().step(child);
}

std::optional<DeathReport> Supervisor::death(ChildId child) const {
    return impl_->board().death(child);
}

void Supervisor::send(ChildId child, std::string payload) {
    impl_->perform([child, payload = std::move(payload)](Supervision& work) { work.send(child, payload); });
}

void Supervisor::stop(ChildId child, std::optional<base::Instant> leave_by) {
    impl_->perform([child, leave_by](Supervision& work) { work.stop(child, leave_by); });
}

void Supervisor::stop_all() {
    impl_->perform([](Supervision& work) { work.stop_all(); });
}

void Supervisor::kill(ChildId child) {
    impl_->perform([child](Supervision& work) { work.kill(child); });
}

void Supervisor::kill_all() {
    impl_->perform([](Supervision& work) { work.kill_all(); });
}

void Supervisor::signal_all(int signal) {
    impl_->perform([signal](Supervision& work) { work.signal_all(signal); });
}

bool Supervisor::wait_for(ChildId child,
                          const std::function<bool(const ServiceView&)>& condition,
                          base::Instant deadline) const {
    return impl_->board().wait_for(child, condition, deadline);
}

bool Supervisor::wait_ended(ChildId child, base::Instant deadline) const {
    return impl_->board().wait_ended(child, deadline);
}

bool Supervisor::wait_all_ended(base::Instant deadline) const {
    return impl_->board().wait_all_ended(deadline);
}

void Supervisor::shutdown() {
    impl_->shutdown();
    if (const auto error = impl_->take_error()) {
        std::rethrow_exception(error);
    }
}

}  // namespace aiperf::process
