#pragma once

#include "aiperf/process/bell.hpp"
#include "aiperf/process/child.hpp"
#include "aiperf/process/supervisor.hpp"
#include "board.hpp"

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <poll.h>
#include <string>
#include <utility>
#include <vector>

namespace aiperf::process {

/// The thread of a supervisor: the only one that touches its children.
/// *Thread safety*: post() from any thread; everything else belongs to the thread that calls run().
class Supervision {
public:
    Supervision(SupervisorHandlers handlers, Board& board);

    /// Works until quit() and the end of all children.
    void run();

    /// Has `task` called by run(), soon. False: run() will take none any more.
    bool post(std::function<void()> task);

    void start(ChildId id, ChildOptions options);
    void send(ChildId id, const std::string& payload);
    void stop(ChildId id, std::optional<base::Instant> leave_by);
    void stop_all();
    void kill(ChildId id);
    void kill_all();
    void signal_all(int signal);
    void quit();

    /// Takes no more tasks and drops those that wait. For when run() has failed.
    void close();

    /// What a handler threw first. For after run().
    [[nodiscard]] std::exception_ptr first_error() const noexcept { return first_error_; }

private:
    struct Managed {
        ChildOptions options;
        std::unique_ptr<Child> child;
        std::optional<base::Instant> register_by;  // absent once decided
        std::optional<StopSequence> stop;
        bool over = false;  // reaped or given up
    };

    /// What a polled descriptor is to its child.
    enum class Source : std::uint8_t { wake_up, end, channel, errors };
    using Polled = std::pair<ChildId, Source>;

    void run_tasks();
    [[nodiscard]] bool take_tasks(std::vector<std::function<void()>>& tasks);
    [[nodiscard]] bool finished();
    std::optional<base::Instant> advance_all();
    std::optional<base::Instant> advance(ChildId id, Managed& managed);
    void wait(std::optional<base::Instant> deadline);
    void gather(std::vector<pollfd>& descriptors, std::vector<Polled>& polled) const;
    void react(const Polled& source, short events);
    void collect(ChildId id, Managed& managed);
    void finish(ChildId id, Managed& managed, bool expected);
    void deliver(ChildId id, const std::vector<std::string>& payloads);
    void publish(ChildId id, Managed& managed);
    void begin_stop(ChildId id, Managed& managed, std::optional<base::Instant> leave_by);
    [[nodiscard]] Managed* find(ChildId id);
    void tell(const std::function<void()>& call) noexcept;

    SupervisorHandlers handlers_;
    Board& board_;
    Bell wake_up_;
    std::map<ChildId, Managed> children_;
    bool quitting_ = false;
    bool replanned_ = false;  // a deadline may have come nearer since they were looked at
    std::exception_ptr first_error_;

    std::mutex tasks_mutex_;
    std::vector<std::function<void()>> tasks_;
    bool closed_ = false;  // under tasks_mutex_
};

}  // namespace aiperf::process
