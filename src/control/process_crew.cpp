#include "aiperf/base/error.hpp"
#include "aiperf/load/plan_text.hpp"
#include "aiperf/process/memory_file.hpp"
#include "crew.hpp"
#include "helper_words.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace aiperf::control {

namespace {

constexpr auto k_look_again = std::chrono::milliseconds(50);
constexpr auto k_report = std::chrono::seconds(1);

std::string reason_of(const process::ExitStatus& status) {
    switch (status.kind) {
        case process::ExitStatus::Kind::signalled: return "worker died (signal " + std::to_string(status.value) + ")";
        case process::ExitStatus::Kind::exited: return "worker died (exit code " + std::to_string(status.value) + ")";
        case process::ExitStatus::Kind::unknown: break;
    }
    return "worker died";
}

class ProcessCrew final : public Crew {
public:
    ProcessCrew(const CrewTools& tools, const ProcessKit& kit)
        : tools_(tools),
          kit_(kit),
          notes_(std::make_shared<Notes>(tools.bell)),
          plan_(process::make_memory_file("aiperf-plan", load::encode_plan(tools.plan))) {
        try {
            for (std::uint32_t number = 0; number < tools.plan.workers; ++number) {
                start(number);
            }
            await_registration();
        } catch (...) {
            send_home();
            throw;
        }
    }

    ~ProcessCrew() override { send_home(); }

    ProcessCrew(const ProcessCrew&) = delete;
    ProcessCrew& operator=(const ProcessCrew&) = delete;

    void wake_all() noexcept override {
        for (const process::ChildId child : children_) {
            kit_.supervisor.send(child, k_wake_message);
        }
    }

    std::vector<WorkerDeath> take_deaths() override {
        const std::scoped_lock lock(notes_->mutex);
        return std::exchange(notes_->deaths, {});
    }

    bool kill(std::uint32_t worker) noexcept override {
        kit_.supervisor.kill(children_[worker]);
        return true;
    }

    pid_t pid(std::uint32_t worker) const noexcept override { return kit_.supervisor.pid(children_[worker]); }

private:
    /// What the supervisor's thread tells; it may do so after the crew has gone.
    struct Notes {
        explicit Notes(std::shared_ptr<const process::Bell> ring)
            : bell(std::move(ring)) {}

        void take(std::uint32_t worker, const process::DeathReport& report) {
            const std::scoped_lock lock(mutex);
            if (!going_home || !report.status.success()) {
                deaths.push_back({worker, reason_of(report.status), report.sentence});
            }
            bell->ring();
        }

        std::shared_ptr<const process::Bell> bell;
        std::mutex mutex;
        std::vector<WorkerDeath> deaths;  // guarded by mutex, as is the next
        bool going_home = false;
    };

    void start(std::uint32_t number) {
        process::ChildOptions options =
            kit_.child("worker_" + std::to_string(number),
                       {k_worker_role, std::to_string(number), tools_.journal.directory().string()});
        options.spawn.inherited = {
            plan_.get(), tools_.shared.descriptor(), tools_.plan.dataset->descriptor(), tools_.bell->descriptor()};
        options.handlers.on_death = [notes = notes_, number](const process::DeathReport& report) {
            notes->take(number, report);
        };
        children_.push_back(kit_.supervisor.start(std::move(options)));
    }

    void await_registration() {
        for (const process::ChildId child : children_) {
            if (const std::string reason = kit_.await(child); !reason.empty() && !kit_.cancelled()) {
                throw base::ProcessError("a worker did not start: " + reason);
            }
        }
    }

    void send_home() noexcept {
        {
            const std::scoped_lock lock(notes_->mutex);
            notes_->going_home = true;
        }
        tools_.shared.state().phase.store(load::SharedState::k_quit, std::memory_order_release);
        for (const process::ChildId child : children_) {
            kit_.supervisor.stop(child);  // its message wakes them
        }
        // Each stop ends by itself: asked, SIGTERM, SIGKILL, given up.
        const base::Instant latest = base::now() + 3 * kit_.times.task_cancel_timeout_short + k_reap;
        for (const process::ChildId child : children_) {
            static_cast<void>(kit_.supervisor.wait_ended(child, latest));
        }
    }

    static constexpr auto k_reap = std::chrono::seconds(2);

    CrewTools tools_;
    ProcessKit kit_;
    std::shared_ptr<Notes> notes_;
    process::Descriptor plan_;
    std::vector<process::ChildId> children_;
};

}  // namespace

process::ChildOptions ProcessKit::child(std::string name, std::vector<std::string> arguments) const {
    process::ChildOptions options;
    options.spawn.name = std::move(name);
    options.spawn.executable = helper;
    options.spawn.arguments = std::move(arguments);
    options.spawn.environment = environment;
    options.register_within = times.registration_timeout;
    options.stop.leave = times.task_cancel_timeout_short;
    options.stop.terminate = times.task_cancel_timeout_short;
    return options;
}

std::string ProcessKit::await(process::ChildId child) const {
    const base::Instant deadline = base::now() + times.registration_timeout;
    const auto decided = [](const process::ServiceView& view) {
        return view.registration != process::Registration::waiting;
    };
    while (!supervisor.wait_for(child, decided, std::min(deadline, base::now() + k_look_again)) &&
           !supervisor.death(child) && base::now() < deadline && !cancelled()) {
    }
    const process::ServiceView view = supervisor.view(child);
    if (view.alive()) {
        return {};
    }
    if (view.process_alive != true) {  // its end is known a moment before its report
        static_cast<void>(supervisor.wait_ended(child, base::now() + k_report));
    }
    const auto death = supervisor.death(child);
    return death ? death->sentence
                 : "pid " + std::to_string(supervisor.pid(child)) +
                       " did not present itself in time (AIPERF_SERVICE_REGISTRATION_TIMEOUT)";
}

std::unique_ptr<Crew> make_process_crew(const CrewTools& tools, const ProcessKit& kit) {
    return std::make_unique<ProcessCrew>(tools, kit);
}

}  // namespace aiperf::control
