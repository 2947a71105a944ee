#include "aiperf/base/thread_name.hpp"
#include "aiperf/load/plan_text.hpp"
#include "aiperf/load/worker.hpp"
#include "aiperf/process/bell.hpp"
#include "aiperf/process/memory_file.hpp"
#include "aiperf/process/spawn.hpp"
#include "helper_roles.hpp"
#include "helper_words.hpp"

#include <atomic>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace aiperf::control {

namespace {

using Worker = load::Worker<load::EpollIo>;

process::Descriptor inherited(WorkerFile file) {
    return process::Descriptor(process::k_first_inherited_fd + static_cast<int>(file));
}

int released(WorkerFile file) {
    return process::k_first_inherited_fd + static_cast<int>(file);
}

/// The thread that hears the run: every message means "look at the shared state", the end of the channel that the run
/// is gone.
class Listener {
public:
    Listener(process::Channel& channel, Worker& worker)
        : channel_(channel),
          thread_([this, &worker] { listen(worker); }) {}

    ~Listener() {
        over_.store(true);
        ::shutdown(channel_.fd(), SHUT_RD);
        thread_.join();
    }

    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

private:
    void listen(Worker& worker) noexcept {
        base::name_this_thread("channel");
        while (channel_.state() == process::ChannelState::open) {
            if (channel_.receive_until(base::Instant::max())) {
                worker.wake();
            }
        }
        if (!over_.load()) {
            process::ChildLink::end_as_orphan();
        }
    }

    process::Channel& channel_;
    std::atomic<bool> over_{false};
    std::thread thread_;
};

}  // namespace

int work(process::ChildLink& link, std::uint32_t number, const std::filesystem::path& journal_directory) {
    base::name_this_thread(("worker " + std::to_string(number)).c_str());
    load::LoadPlan plan = load::decode_plan(process::read_memory_file(inherited(WorkerFile::plan)));
    plan.dataset = dataset::open_dataset(released(WorkerFile::dataset));
    const auto shared = load::SharedMapping::attach(released(WorkerFile::state));
    const process::Bell bell(inherited(WorkerFile::bell));
    const auto journal = record::Journal::join(journal_directory, number);
    Worker worker(number, plan, shared->state(), journal->writer(number), [&bell] { bell.ring(); });
    link.claim(process::ServiceState::running);
    link.register_service();
    {
        const Listener listener(link.channel(), worker);
        worker.run();
    }
    journal->finish_worker(number);
    return 0;
}

}  // namespace aiperf::control
