#pragma once

#include "aiperf/mock/connection.hpp"
#include "aiperf/mock/file_descriptor.hpp"
#include "aiperf/mock/options.hpp"
#include "aiperf/mock/request_log.hpp"
#include "aiperf/mock/responder.hpp"
#include "aiperf/mock/timer_heap.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace aiperf::mock {

/// Counts of one worker; only it writes, anybody reads. Meanings: see Counters.
struct WorkerCounters {
    /// A counter with one writer.
    class Count {
    public:
        void add(std::uint64_t n = 1) noexcept {
            value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
        }

        [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

    private:
        std::atomic<std::uint64_t> value_{0};
    };

    Count connections;
    Count connections_refused;
    Count requests;
    Count answered;
    Count cut;
    Count client_closed;
    Count error_answers;
    Count bad_requests;
    Count events;
    Count bytes_written;
};

/// What all workers of a server share; outlives them.
struct WorkerContext {
    const Options& options;
    RequestLog* log;  ///< nullptr: nothing is kept
    std::atomic<std::uint64_t>& next_connection;
};

/// One thread's event loop over a listener and its connections: edge-triggered epoll, one timerfd for all delays.
/// *Thread safety*: `stop` and `counters` from any thread, the rest by the thread that calls `run`.
class Worker {
public:
    /// Throws base::SystemError where the system has no descriptors left.
    Worker(WorkerContext context, FileDescriptor listener, std::unique_ptr<Responder> responder);

    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Serves until `stop`, then closes every connection.
    void run();

    void stop() noexcept;

    [[nodiscard]] const WorkerCounters& counters() const noexcept { return counters_; }

private:
    // worker.cpp: the loop, accepting, closing
    void watch(int fd, std::uint32_t events, std::uint64_t tag);
    void arm_timer();
    void handle(std::uint64_t tag, std::uint32_t events);
    void handle_connection(Connection& connection, std::uint32_t events);
    void fire_timers();
    void on_timer(Connection& connection);
    void accept_all();
    void refuse_one();
    void open(int fd);
    void close(Connection& connection);
    void linger(Connection& connection);

    // worker_input.cpp: reading and understanding requests
    void on_readable(Connection& connection, bool ended);
    void drop_input(Connection& connection);
    void process(Connection& connection);
    void resume(Connection& connection);
    void start_exchange(Connection& connection);
    void log_arrival(Connection& connection, const Reply& reply);
    void refuse_request(Connection& connection);
    void send_continue(Connection& connection);

    // worker_output.cpp: playing answers
    void play(Connection& connection, std::int64_t now_ns);
    bool release(Connection& connection, std::int64_t now_ns);
    void cut(Connection& connection, Action action);
    bool flush(Connection& connection, std::int64_t& now_ns);
    void note_marks(Exchange& exchange);
    static void schedule_step(Exchange& exchange);
    void finish_exchange(Connection& connection);
    void client_left(Connection& connection);

    WorkerContext context_;
    FileDescriptor listener_;
    std::unique_ptr<Responder> responder_;
    FileDescriptor epoll_;
    FileDescriptor timer_;
    FileDescriptor wake_;
    FileDescriptor spare_;  ///< closed to accept and refuse a connection when descriptors run out
    TimerHeap timers_;
    std::int64_t armed_ns_ = TimerHeap::k_never;
    std::vector<std::unique_ptr<Connection>> connections_;  ///< by slot
    std::vector<std::uint32_t> free_slots_;
    std::atomic<bool> stopping_{false};
    WorkerCounters counters_;
};

}  // namespace aiperf::mock
