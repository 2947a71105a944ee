#pragma once

#include "aiperf/process/supervisor.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::process {

/// What a supervisor's thread has found out, for all others to read and to wait for.
/// *Thread safety*: all calls from any thread.
class Board {
public:
    struct Entry {
        std::string name;
        ServiceView view;  // claims; life is asked of the pidfd
        pid_t pid = -1;
        Descriptor pidfd;  // a copy, closed when the child was reaped
        std::optional<StopStep> step;
        std::optional<DeathReport> death;
    };

    void add(ChildId child, std::string name, const ServiceView& view, pid_t pid, Descriptor pidfd);

    /// Takes over what is known. True if the view has changed.
    bool update(ChildId child, const ServiceView& view, std::optional<StopStep> step);

    void bury(const DeathReport& report);

    [[nodiscard]] ServiceView view(ChildId child) const;
    [[nodiscard]] pid_t pid(ChildId child) const;
    [[nodiscard]] std::vector<pid_t> pids() const;
    [[nodiscard]] std::vector<std::string> describe() const;
    [[nodiscard]] std::optional<StopStep> step(ChildId child) const;
    [[nodiscard]] std::optional<DeathReport> death(ChildId child) const;

    [[nodiscard]] bool wait_for(ChildId child,
                                const std::function<bool(const ServiceView&)>& condition,
                                base::Instant deadline) const;
    [[nodiscard]] bool wait_ended(ChildId child, base::Instant deadline) const;
    [[nodiscard]] bool wait_all_ended(base::Instant deadline) const;

private:
    [[nodiscard]] const Entry* find(ChildId child) const;
    [[nodiscard]] static ServiceView current(const Entry& entry);

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::map<ChildId, Entry> entries_;
};

}  // namespace aiperf::process
