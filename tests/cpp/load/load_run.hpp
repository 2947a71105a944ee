#pragma once

#include "aiperf/load/worker.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "scripted_server.hpp"
#include "temporary_directory.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace aiperf::test {

/// Bodies for tests, as they are given.
class Bodies final : public dataset::Dataset {
public:
    explicit Bodies(std::vector<std::string> bodies)
        : bodies_(std::move(bodies)) {}

    [[nodiscard]] std::size_t size() const noexcept override { return bodies_.size(); }

    [[nodiscard]] std::size_t turns(std::size_t /*index*/) const noexcept override { return 1; }

    [[nodiscard]] bool multi_turn() const noexcept override { return false; }

    [[nodiscard]] Entry turn(std::size_t index, std::size_t /*turn*/) const noexcept override {
        return {.body = bodies_[index],
                .input_tokens = static_cast<std::int32_t>(100 + index),
                .requested_tokens = 5,
                .text = {}};
    }

    [[nodiscard]] std::string_view conversation_id(std::size_t index) const noexcept override { return bodies_[index]; }

    [[nodiscard]] int descriptor() const noexcept override { return -1; }

private:
    std::vector<std::string> bodies_;
};

/// Conversations with so many turns each: what is said in turn j of conversation i is "i.j", in a body
/// {"messages":[{"user":"i.j"}],"n":1}. `delay` is before each turn but the first.
std::shared_ptr<const dataset::Dataset> talks(const std::vector<std::size_t>& turns, base::Nanoseconds delay = {});

/// A plan of closed-loop or scheduled phases against servers of the test.
load::LoadPlan plan_for(const std::vector<const ScriptedServer*>& servers, std::vector<schedule::Phase> phases);

/// A target on the loopback port `port`.
load::Target target_on(std::uint16_t port);

/// A closed loop.
inline schedule::Phase closed_loop(std::uint64_t requests, std::uint32_t concurrency) {
    schedule::Phase phase;
    phase.requests = requests;
    phase.concurrency = concurrency;
    return phase;
}

/// A closed loop of sessions: so many, of so many requests in all.
inline schedule::Phase session_loop(std::uint64_t sessions, std::uint64_t requests, std::uint32_t concurrency) {
    schedule::Phase phase = closed_loop(requests, concurrency);
    phase.sessions = sessions;
    return phase;
}

/// An open loop at a constant rate, requests per second.
inline schedule::Phase constant_rate(std::uint64_t requests, double rate) {
    schedule::Phase phase;
    phase.requests = requests;
    phase.arrivals = schedule::Arrivals{.process = schedule::Process::constant, .rate = rate};
    return phase;
}

/// Runs a plan with as many worker threads as it says, as a controller does, and reads its journal.
class LoadRun {
public:
    explicit LoadRun(load::LoadPlan plan);
    LoadRun(load::LoadPlan plan, const std::filesystem::path& directory);
    ~LoadRun();
    LoadRun(const LoadRun&) = delete;
    LoadRun& operator=(const LoadRun&) = delete;

    /// Tells the workers which phase is next.
    void announce(std::uint32_t index = 0);

    /// announce(), and waits until they are ready for it; false after half a minute.
    bool make_ready(std::uint32_t index = 0);

    /// Starts phase `index`, its slots behind those of the phases before. Returns its start, CLOCK_MONOTONIC.
    /// `ago`: so long before now.
    std::int64_t begin(std::uint32_t index = 0, base::Nanoseconds ago = {});

    /// Waits until the phase is over; false after half a minute, and then it is cancelled.
    bool wait();

    /// Every worker is through with the current phase.
    [[nodiscard]] bool all_through();

    /// begin() and wait().
    bool run(std::uint32_t index = 0) {
        begin(index);
        return wait();
    }

    void stop(load::Stop level);

    load::SharedState& state() noexcept { return shared_.state(); }

    record::Journal& journal() noexcept { return *journal_; }

    /// Sends the workers home, closes the journal and opens it for reading. Once.
    const record::RecordSet& records();

    /// Sum over all workers of a live counter.
    std::uint64_t total(std::atomic<std::uint64_t> load::WorkerCounters::*counter);

private:
    using Worker = load::Worker<load::EpollIo>;

    void wake_all();
    void send_home();

    TemporaryDirectory directory_;
    load::LoadPlan plan_;
    load::SharedMapping shared_;
    std::unique_ptr<record::Journal> journal_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint32_t phase_ = 0;
    std::uint64_t slots_ = 0;  // of the phases that are over
    std::unique_ptr<record::JournalReader> reader_;
};

}  // namespace aiperf::test
