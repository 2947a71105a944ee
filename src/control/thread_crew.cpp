#include "aiperf/base/error.hpp"
#include "aiperf/base/thread_name.hpp"
#include "aiperf/load/worker.hpp"
#include "crew.hpp"

#include <mutex>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace aiperf::control {

namespace {

class ThreadCrew final : public Crew {
public:
    explicit ThreadCrew(const CrewTools& tools)
        : tools_(tools) {
        for (std::uint32_t number = 0; number < tools.plan.workers; ++number) {
            workers_.push_back(std::make_unique<Worker>(
                number, tools.plan, tools.shared.state(), tools.journal.writer(number), [this] {
                    tools_.bell->ring();
                }));
        }
        try {
            for (std::uint32_t number = 0; number < tools.plan.workers; ++number) {
                threads_.emplace_back([this, number] { work(number); });
            }
        } catch (const std::system_error& error) {
            send_home();
            throw base::SystemError("cannot start a worker", error.code().value());
        }
    }

    ~ThreadCrew() override { send_home(); }

    ThreadCrew(const ThreadCrew&) = delete;
    ThreadCrew& operator=(const ThreadCrew&) = delete;

    void wake_all() noexcept override {
        for (const auto& worker : workers_) {
            worker->wake();
        }
    }

    std::vector<WorkerDeath> take_deaths() override {
        const std::scoped_lock lock(mutex_);
        return std::exchange(deaths_, {});
    }

    bool kill(std::uint32_t /*worker*/) noexcept override { return false; }

    pid_t pid(std::uint32_t /*worker*/) const noexcept override { return ::getpid(); }

private:
    using Worker = load::Worker<load::EpollIo>;

    void send_home() noexcept {
        tools_.shared.state().phase.store(load::SharedState::k_quit, std::memory_order_release);
        wake_all();
        for (std::thread& thread : threads_) {
            thread.join();
        }
    }

    void work(std::uint32_t number) noexcept {
        try {
            base::name_this_thread(("worker " + std::to_string(number)).c_str());
            workers_[number]->run();
        } catch (const std::exception& error) {
            note_death(number, error.what());
        } catch (...) {
            note_death(number, "an unknown exception");
        }
    }

    void note_death(std::uint32_t number, const std::string& why) {
        const std::scoped_lock lock(mutex_);
        deaths_.push_back(
            {number, "worker died (" + why + ")", "worker_" + std::to_string(number) + " has ended: " + why});
        tools_.bell->ring();
    }

    CrewTools tools_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::mutex mutex_;
    std::vector<WorkerDeath> deaths_;  // guarded by mutex_
    std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Crew> make_thread_crew(const CrewTools& tools) {
    return std::make_unique<ThreadCrew>(tools);
}

}  // namespace aiperf::control
