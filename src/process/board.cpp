#include "board.hpp"

#include <algorithm>
#include <utility>

namespace aiperf::process {

void Board::add(ChildId child, std::string name, const ServiceView& view, pid_t pid, Descriptor pidfd) {
    const std::lock_guard lock(mutex_);
    entries_[child] = {
        .name = std::move(name), .view = view, .pid = pid, .pidfd = std::move(pidfd), .step = {}, .death = {}};
}

bool Board::update(ChildId child, const ServiceView& view, std::optional<StopStep> step) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_.at(child);
    const bool news = entry.view != view;
    if (news || entry.step != step) {
        entry.view = view;
        entry.step = step;
        changed_.notify_all();
    }
    return news;
}

void Board::bury(const DeathReport& report) {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_.at(report.child);
    entry.pidfd.reset();
    entry.death = report;
    changed_.notify_all();
}

const Board::Entry* Board::find(ChildId child) const {
    const auto found = entries_.find(child);
    return found == entries_.end() ? nullptr : &found->second;
}

ServiceView Board::current(const Entry& entry) {
    ServiceView view = entry.view;
    view.process_alive = !entry.death && entry.pidfd && !has_ended(entry.pidfd);
    return view;
}

ServiceView Board::view(ChildId child) const {
    const std::lock_guard lock(mutex_);
    const Entry* const entry = find(child);
    return entry != nullptr ? current(*entry) : ServiceView{};
}

pid_t Board::pid(ChildId child) const {
    const std::lock_guard lock(mutex_);
    const Entry* const entry = find(child);
    return entry != nullptr ? entry->pid : -1;
}

std::vector<pid_t> Board::pids() const {
    const std::lock_guard lock(mutex_);
    std::vector<pid_t> pids;
    for (const auto& [id, entry] : entries_) {
        if (!entry.death) {
            pids.push_back(entry.pid);
        }
    }
    return pids;
}

std::vector<std::string> Board::describe() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> lines;
    for (const auto& [id, entry] : entries_) {
        if (!entry.death) {
            lines.push_back(entry.name + " (pid " + std::to_string(entry.pid) +
                            "): " + to_string(entry.view.registration) + ", " + to_string(entry.view.state) +
                            (entry.step ? std::string(", told to stop: ") + to_string(*entry.step) : std::string{}));
        }
    }
    return lines;
}

std::optional<StopStep> Board::step(ChildId child) const {
    const std::lock_guard lock(mutex_);
    const Entry* const entry = find(child);
    return entry != nullptr ? entry->step : std::nullopt;
}

std::optional<DeathReport> Board::death(ChildId child) const {
    const std::lock_guard lock(mutex_);
    const Entry* const entry = find(child);
    return entry != nullptr ? entry->death : std::nullopt;
}

bool Board::wait_for(ChildId child,
                     const std::function<bool(const ServiceView&)>& condition,
                     base::Instant deadline) const {
    std::unique_lock lock(mutex_);
    bool holds = false;
    changed_.wait_until(lock, deadline, [&] {
        const Entry* const entry = find(child);
        holds = entry != nullptr && condition(current(*entry));
        return holds || entry == nullptr || entry->death.has_value();
    });
    return holds;
}

bool Board::wait_ended(ChildId child, base::Instant deadline) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [&] {
        const Entry* const entry = find(child);
        return entry == nullptr || entry->death.has_value();
    });
}

bool Board::wait_all_ended(base::Instant deadline) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [&] {
        return std::all_of(entries_.begin(), entries_.end(), [](const auto& item) { return item.second.death; });
    });
}

}  // namespace aiperf::process
