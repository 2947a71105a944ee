#pragma once

#include "aiperf/load/connection.hpp"
#include "aiperf/load/io.hpp"
#include "aiperf/load/plan.hpp"
#include "aiperf/load/shared_state.hpp"
#include "aiperf/record/journal.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::load {

/// One thread's share of the load: claims indices, sends at their instants, reads answers, writes records. No locks,
/// and no allocation once its buffers have grown.
///
/// A worker claims the next index with one fetch_add, at most one ahead and only while it has a concurrency slot of its
/// own (the shares of all workers add up to the phase's concurrency); so a slow worker delays nobody else, and the cap
/// holds exactly.
///
/// *Thread safety*: run() on one thread; wake() from any.
template <class Io>
class Worker {
public:
    /// Throws base::SystemError. `plan`, `shared` and `writer` outlive the worker; `on_news` is called on the
    /// worker's thread when it is through with a phase, and when it has stopped the others.
    Worker(std::uint32_t number,
           const LoadPlan& plan,
           SharedState& shared,
           record::Journal::Writer& writer,
           std::function<void()> on_news);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Works phase after phase as SharedState says, until it says k_quit.
    void run();

    /// Makes the worker look at SharedState.
    void wake() noexcept { io_.wake(); }

private:
    static constexpr std::size_t k_read_bytes = 64UL * 1024;
    static constexpr int k_sends_per_turn = 64;  // then answers are looked after again
    static constexpr std::uint32_t k_unlimited = ~0U;

    void begin_phase(std::uint32_t phase);
    void work_phase();
    void handle(const Ready& ready);
    void obey_stop();
    void expire(base::Instant now);
    void show_life(base::Instant now) noexcept;
    void cancel_in_flight(base::Instant now);
    [[nodiscard]] base::Instant next_wake() const noexcept;

    // Claiming and sending.
    bool fill();
    bool claim(base::Instant now);
    void start(base::Instant now);
    void send(ConnectionId id);
    ConnectionId take_connection(std::uint16_t target, base::Instant now);
    void connect(ConnectionId id);
    void connect_finished(ConnectionId id);

    // Answers.
    void read(ConnectionId id, bool hangup);
    bool take_bytes(ConnectionId id, std::size_t size);
    void peer_closed(ConnectionId id);
    void connection_broke(ConnectionId id, int error_number);
    bool retry(ConnectionId id);
    void fail(ConnectionId id, record::ErrorKind kind, std::string message, base::Instant now);
    void complete(ConnectionId id, base::Instant now);
    void count(const record::Record& record, const Answer& answer) noexcept;

    // The slab: connections, the pool of idle ones, and the requests under way, oldest first.
    Connection& at(ConnectionId id) noexcept { return *connections_[id]; }

    void stop_for_full_journal() noexcept;
    void stop_for_failures();
    void forget_settled_attempts() noexcept;
    void close(ConnectionId id) noexcept;
    void drop_idle(ConnectionId id) noexcept;
    void link(ConnectionId id) noexcept;
    void unlink(ConnectionId id) noexcept;

    std::uint32_t number_;
    const LoadPlan& plan_;
    SharedState& shared_;
    WorkerCounters& counters_;
    record::Journal::Writer& writer_;
    std::function<void()> on_news_;
    std::unique_ptr<endpoint::AnswerReader> reader_;
    Io io_;
    std::vector<char> buffer_;

    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<ConnectionId> free_;
    std::vector<std::vector<ConnectionId>> idle_;  // by target; the last used is used first

    /// A connection attempt; all have the same time-out, so the first one begun expires first.
    struct Attempt {
        ConnectionId id;
        std::uint32_t generation;
        base::Instant began;
    };

    std::deque<Attempt> attempts_;
    ConnectionId oldest_ = k_no_connection;
    ConnectionId youngest_ = k_no_connection;

    // The current phase.
    const schedule::Phase* phase_ = nullptr;
    std::uint8_t phase_index_ = 0;
    std::uint64_t first_slot_ = 0;
    base::Instant phase_start_{};
    base::Instant phase_end_ = base::Instant::max();  // no request is due at or after it
    base::Instant grace_end_ = base::Instant::max();
    std::optional<schedule::ArrivalCursor> cursor_;
    std::uint32_t slots_ = 0;  // this worker's share of the concurrency
    std::uint32_t in_flight_ = 0;
    bool exhausted_ = false;  // nothing more will be claimed

    // The index claimed ahead.
    record::Record* pending_ = nullptr;
    std::uint64_t pending_index_ = 0;
    base::Instant pending_due_{};
};

}  // namespace aiperf::load

#include "aiperf/load/worker_answer_impl.hpp"
#include "aiperf/load/worker_loop_impl.hpp"
#include "aiperf/load/worker_send_impl.hpp"

namespace aiperf::load {

extern template class Worker<EpollIo>;

}  // namespace aiperf::load
