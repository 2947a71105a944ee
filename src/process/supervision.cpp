#include "supervision.hpp"

#include "aiperf/base/error.hpp"
#include "poll.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>

namespace aiperf::process {
namespace {

Descriptor copy_of(const Descriptor& descriptor) {
    const int fd = ::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        throw base::SystemError("cannot watch a process", errno);
    }
    return Descriptor{fd};
}

std::optional<base::Instant> earlier(std::optional<base::Instant> a, std::optional<base::Instant> b) {
    if (!a || !b) {
        return a ? a : b;
    }
    return std::min(*a, *b);
}

}  // namespace

Supervision::Supervision(SupervisorHandlers handlers, Board& board)
    : handlers_(std::move(handlers)),
      board_(board) {}

void Supervision::run() {
    do {
        run_tasks();
        wait(advance_all());
    } while (!finished());
}

bool Supervision::post(std::function<void()> task) {
    {
        const std::lock_guard lock(tasks_mutex_);
        if (closed_) {
            return false;
        }
        tasks_.push_back(std::move(task));
    }
    wake_up_.ring();
    return true;
}

bool Supervision::take_tasks(std::vector<std::function<void()>>& tasks) {
    const std::lock_guard lock(tasks_mutex_);
    tasks.clear();
    tasks.swap(tasks_);
    return !tasks.empty();
}

void Supervision::close() {
    std::vector<std::function<void()>> dropped;
    const std::lock_guard lock(tasks_mutex_);
    closed_ = true;
    dropped.swap(tasks_);
}

void Supervision::run_tasks() {
    std::vector<std::function<void()>> tasks;
    while (take_tasks(tasks)) {
        for (const auto& task : tasks) {
            task();
        }
    }
}

bool Supervision::finished() {
    if (!quitting_ ||
        !std::all_of(children_.begin(), children_.end(), [](const auto& item) { return item.second.over; })) {
        return false;
    }
    const std::lock_guard lock(tasks_mutex_);
    closed_ = tasks_.empty();
    return closed_;
}

void Supervision::tell(const std::function<void()>& call) noexcept {
    try {
        call();
    } catch (...) {
        if (!first_error_) {
            first_error_ = std::current_exception();
        }
    }
}

Supervision::Managed* Supervision::find(ChildId id) {
    const auto found = children_.find(id);
    return found == children_.end() || found->second.over ? nullptr : &found->second;
}

void Supervision::start(ChildId id, ChildOptions options) {
    if (quitting_) {
        throw base::RunError("cannot start " + options.spawn.name + ": its supervisor was shut down");
    }
    auto child = std::make_unique<Child>(options.spawn);
    board_.add(id, child->name(), child->view(), child->pid(), copy_of(child->pidfd()));
    const base::Instant register_by = base::now() + options.register_within;
    replanned_ = true;
    children_.emplace(id, Managed{std::move(options), std::move(child), register_by, {}, false});
}

void Supervision::send(ChildId id, const std::string& payload) {
    if (Managed* const managed = find(id)) {
        managed->child->channel().send(payload);
    }
}

void Supervision::begin_stop(ChildId id, Managed& managed, std::optional<base::Instant> leave_by) {
    replanned_ = true;
    if (managed.child->ended()) {
        return;  // by itself: its end has not been collected yet
    }
    const base::Instant start = base::now();
    managed.stop.emplace(managed.options.stop, start, leave_by);
    if (const auto stated = managed.child->take_leave_by(); stated && !leave_by) {
        managed.stop->extend(*stated);
    }
    advance(id, managed);
}

void Supervision::stop(ChildId id, std::optional<base::Instant> leave_by) {
    Managed* const managed = find(id);
    if (managed == nullptr) {
        return;
    }
    if (!managed->stop) {
        begin_stop(id, *managed, leave_by);
    } else if (leave_by) {
        managed->stop->set_leave_by(*leave_by);
        replanned_ = true;
    }
}

void Supervision::stop_all() {
    for (auto& [id, managed] : children_) {
        if (!managed.over && !managed.stop) {
            begin_stop(id, managed, std::nullopt);
        }
    }
}

void Supervision::kill(ChildId id) {
    Managed* const managed = find(id);
    if (managed == nullptr || managed->child->ended()) {
        return;
    }
    if (!managed->stop) {
        managed->stop.emplace(managed->options.stop, base::now());
    }
    managed->stop->kill_now();
    replanned_ = true;
    advance(id, *managed);
}

void Supervision::kill_all() {
    for (const auto& item : children_) {
        kill(item.first);
    }
}

void Supervision::signal_all(int signal) {
    for (auto& [id, managed] : children_) {
        if (!managed.over) {
            managed.child->signal_group(signal);
        }
    }
}

void Supervision::quit() {
    quitting_ = true;
    stop_all();
}

std::optional<base::Instant> Supervision::advance_all() {
    std::optional<base::Instant> next;
    do {  // again where a handler called meanwhile has changed a deadline
        replanned_ = false;
        next.reset();
        for (auto& [id, managed] : children_) {
            if (!managed.over) {
                next = earlier(next, advance(id, managed));
            }
        }
    } while (replanned_);
    return next;
}

std::optional<base::Instant> Supervision::advance(ChildId id, Managed& managed) {
    const base::Instant now = base::now();
    if (managed.register_by && *managed.register_by <= now) {
        managed.child->registration_timed_out();
        managed.register_by.reset();
    }
    std::optional<base::Instant> next = managed.register_by;
    if (managed.stop) {
        next = earlier(next, managed.stop->advance(now, *managed.child));
    }
    publish(id, managed);
    if (managed.stop && managed.stop->step() == StopStep::given_up) {
        finish(id, managed, true);
        return std::nullopt;
    }
    return next;
}

void Supervision::gather(std::vector<pollfd>& descriptors, std::vector<Polled>& polled) const {
    const auto add = [&](int fd, int events, ChildId id, Source source) {
        if (fd >= 0) {
            descriptors.push_back({.fd = fd, .events = static_cast<short>(events), .revents = 0});
            polled.emplace_back(id, source);
        }
    };
    add(wake_up_.descriptor(), POLLIN, ChildId{}, Source::wake_up);
    for (const auto& [id, managed] : children_) {
        if (managed.over) {
            continue;
        }
        add(managed.child->pidfd().get(), POLLIN, id, Source::end);
        add(managed.child->channel_fd(),
            managed.child->channel().wants_write() ? POLLIN | POLLOUT : POLLIN,
            id,
            Source::channel);
        add(managed.child->errors_fd(), POLLIN, id, Source::errors);
    }
}

void Supervision::wait(std::optional<base::Instant> deadline) {
    if (finished()) {
        return;
    }
    std::vector<pollfd> descriptors;
    std::vector<Polled> polled;
    gather(descriptors, polled);
    poll_until(descriptors, deadline);
    for (std::size_t i = 0; i < polled.size(); ++i) {
        if (descriptors[i].revents != 0) {
            react(polled[i], descriptors[i].revents);
        }
    }
}

void Supervision::react(const Polled& source, short events) {
    if (source.second == Source::wake_up) {
        wake_up_.take();
        return;
    }
    Managed* const managed = find(source.first);
    if (managed == nullptr) {
        return;
    }
    switch (source.second) {
        case Source::end: collect(source.first, *managed); break;
        case Source::channel:
            if ((events & POLLOUT) != 0) {
                managed->child->channel().flush();
            }
            deliver(source.first, managed->child->read_channel());
            publish(source.first, *managed);
            break;
        case Source::errors: managed->child->read_errors(); break;
        case Source::wake_up: break;
    }
}

void Supervision::deliver(ChildId id, const std::vector<std::string>& payloads) {
    Managed* const managed = find(id);
    if (managed != nullptr && managed->stop) {
        if (const auto stated = managed->child->take_leave_by()) {
            managed->stop->extend(*stated);
        }
    }
    const auto found = children_.find(id);
    for (const std::string& payload : payloads) {
        for (const SupervisorHandlers* handlers : {&found->second.options.handlers, &handlers_}) {
            if (handlers->on_message) {
                tell([&] { handlers->on_message(id, payload); });
            }
        }
    }
}

void Supervision::publish(ChildId id, Managed& managed) {
    const ServiceView view = managed.child->view();
    if (view.registration != Registration::waiting) {
        managed.register_by.reset();
    }
    const auto step = managed.stop ? std::optional{managed.stop->step()} : std::nullopt;
    if (!board_.update(id, view, step)) {
        return;
    }
    for (const SupervisorHandlers* handlers : {&managed.options.handlers, &handlers_}) {
        if (handlers->on_change) {
            tell([&] { handlers->on_change(id, view); });
        }
    }
}

void Supervision::collect(ChildId id, Managed& managed) {
    const bool expected = managed.stop.has_value();
    deliver(id, managed.child->collect());
    publish(id, managed);
    if (managed.child->exit_status()) {
        finish(id, managed, expected);
    }
}

void Supervision::finish(ChildId id, Managed& managed, bool expected) {
    if (std::exchange(managed.over, true)) {
        return;  // by a handler that was called on the way here
    }
    const Child& child = *managed.child;
    const DeathReport report{.child = id,
                             .name = child.name(),
                             .pid = child.pid(),
                             .status = child.exit_status().value_or(ExitStatus{}),
                             .expected = expected,
                             .last_view = child.view(),
                             .sentence = child.death_report(),
                             .last_lines = child.last_lines()};
    board_.bury(report);
    for (const SupervisorHandlers* handlers : {&managed.options.handlers, &handlers_}) {
        if (handlers->on_death) {
            tell([&] { handlers->on_death(report); });
        }
    }
}

}  // namespace aiperf::process
