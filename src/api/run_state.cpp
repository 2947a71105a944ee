#include "aiperf/api/run_state.hpp"

#include "bodies.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>

namespace aiperf::api {

const char* to_string(Status status) noexcept {
    switch (status) {
        case Status::running: return "running";
        case Status::complete: return "complete";
        case Status::cancelled: return "cancelled";
        case Status::incomplete: return "incomplete";
    }
    return "?";
}

const char* to_string(SystemState state) noexcept {
    switch (state) {
        case SystemState::initializing: return "initializing";
        case SystemState::configuring: return "configuring";
        case SystemState::ready: return "ready";
        case SystemState::profiling: return "profiling";
        case SystemState::processing: return "processing";
        case SystemState::stopping: return "stopping";
        case SystemState::shutdown: return "shutdown";
    }
    return "?";
}

RunState::RunState(RunFacts facts)
    : facts_(std::move(facts)) {
    view_.seq = 1;
    view_.status_body = status_body_json(facts_, Status::running, view_.seq, nullptr);
}

void RunState::set_progress(Progress progress) {
    const std::lock_guard lock(mutex_);
    progress.system_state = std::max(progress.system_state, view_.progress.system_state);
    view_.progress = std::move(progress);
}

void RunState::set_system_state(SystemState state) {
    const std::lock_guard lock(mutex_);
    view_.progress.system_state = std::max(state, view_.progress.system_state);
}

bool RunState::publish(const Ending& ending, const std::function<void(const std::string&)>& record) {
    if (ending.status == Status::running) {
        throw std::invalid_argument("a run does not end as 'running'");
    }
    std::uint64_t seq = 0;
    {
        const std::lock_guard lock(mutex_);
        if (publishing_) {
            return false;
        }
        publishing_ = true;
        seq = view_.seq + 1;
    }
    std::string body = status_body_json(facts_, ending.status, seq, &ending);
    std::exception_ptr failure;
    if (record) {
        try {
            record(body);
        } catch (...) {
            failure = std::current_exception();
        }
    }
    {
        const std::lock_guard lock(mutex_);
        view_.status = ending.status;
        view_.seq = seq;
        view_.status_body = std::move(body);
        view_.partial = ending.partial;
        view_.failed_exporters = ending.failed_exporters;
    }
    ended_.notify_all();
    {
        const std::lock_guard lock(listener_mutex_);
        if (listener_) {
            listener_();
        }
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
    return true;
}

Status RunState::status() const {
    const std::lock_guard lock(mutex_);
    return view_.status;
}

std::string RunState::status_body() const {
    const std::lock_guard lock(mutex_);
    return view_.status_body;
}

RunState::View RunState::view() const {
    const std::lock_guard lock(mutex_);
    return view_;
}

bool RunState::wait_until_terminal(base::Instant deadline) const {
    std::unique_lock lock(mutex_);
    return ended_.wait_until(lock, deadline, [this] { return view_.status != Status::running; });
}

void RunState::on_terminal(std::function<void()> listener) {
    const std::lock_guard lock(listener_mutex_);
    listener_ = std::move(listener);
}

}  // namespace aiperf::api
