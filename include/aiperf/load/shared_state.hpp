#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/base/sketch.hpp"
#include "aiperf/process/descriptor.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace aiperf::load {

/// How far a run has been told to stop.
enum class Stop : std::uint32_t {
    none = 0,
    sending = 1,    ///< no new request; what is in flight finishes
    in_flight = 2,  ///< in-flight requests are closed and recorded as cancelled
};

/// How long a worker's loop may wait before it shows that it lives.
inline constexpr base::Nanoseconds k_longest_turn = std::chrono::seconds(1);

/// How often a loop with requests in flight wakes at least: how late it then is tells for how long it has stood still.
inline constexpr base::Nanoseconds k_heartbeat = std::chrono::milliseconds(10);

/// One worker's live counters, of the current phase. Written by it alone, read by anybody; `sent` = `completed` + in
/// flight.
struct alignas(64) WorkerCounters {
    std::atomic<std::uint64_t> sent{0};           ///< requests begun
    std::atomic<std::uint64_t> completed{0};      ///< requests over, good or not
    std::atomic<std::uint64_t> errors{0};         ///< part of completed
    std::atomic<std::uint64_t> retries{0};        ///< requests sent anew on a fresh connection
    std::atomic<std::uint64_t> unready{0};        ///< requests that had to wait until their prompt was made
    std::atomic<std::uint64_t> own_failures{0};   ///< connections that this machine refused: descriptors, ports, memory
    std::atomic<std::uint64_t> wall_ns{0};        ///< how long its phase took it; set at the end, as the three below
    std::atomic<std::uint64_t> ran_ns{0};         ///< of that, on a processor
    std::atomic<std::uint64_t> waited_ns{0};      ///< of that, ready to run, without a processor
    std::atomic<std::uint64_t> stall_ns{0};       ///< its longest turn, or latest wake-up
    std::atomic<std::uint32_t> phase_done{0};     ///< n = it is through with phase n - 1
    std::atomic<std::uint32_t> ready_for{0};      ///< n = its connections for phase n - 1 are open, or will not be
    std::atomic<std::int64_t> seen_ns{0};         ///< last turn of its loop; none is longer than k_longest_turn
    std::atomic<std::uint64_t> sessions_sent{0};  ///< sessions begun; a request by itself is one
    std::atomic<std::uint64_t> sessions_completed{0};  ///< sessions whose last turn is over; part of sessions_sent
    base::Sketch time_to_first_token;                  ///< nanoseconds
    base::Sketch inter_token_latency;                  ///< nanoseconds

    /// One writer: a plain add, without a locked instruction.
    static void add(std::atomic<std::uint64_t>& counter) noexcept {
        counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }

    /// Sets all to nothing, for the next phase. By the worker alone.
    void reset() noexcept;
};

/// What all workers of a run share: a handful of atomics in one shared mapping, so that workers may be threads or
/// processes.
struct SharedState {
    static constexpr std::uint32_t k_quit = ~0U;  ///< the phase in which workers go home

    alignas(64) std::atomic<std::uint64_t> next_index{0};  ///< next unclaimed index of the current phase
    /// Next session of the current phase that nobody has begun; for data sets with several turns.
    alignas(64) std::atomic<std::uint64_t> next_session{0};
    alignas(64) std::atomic<std::uint32_t> phase{0};  ///< 0 = none yet, n = phase n - 1 runs, k_quit = go home
    std::atomic<std::uint32_t> next_phase{0};         ///< n = phase n - 1 is next: workers open connections for it
    std::atomic<std::int64_t> phase_start_ns{0};      ///< CLOCK_MONOTONIC
    std::atomic<std::uint64_t> first_slot{0};         ///< slot of the phase's index 0
    std::atomic<std::uint32_t> stop{0};               ///< Stop
    std::atomic<std::int32_t> journal_error{0};       ///< errno of the first record that got no room; 0 = none
    std::atomic<std::uint32_t> too_many_failures{0};  ///< 1: the share of errors passed LoadPlan's threshold
    std::uint32_t workers = 0;                        ///< how many counters there are

    /// The counters of one worker, behind this struct in the mapping.
    [[nodiscard]] WorkerCounters& counters(std::uint32_t worker) noexcept;

    /// Sets what is claimed back to nothing, for the next phase. No worker is in one.
    void reset_claims() noexcept {
        next_index.store(0);
        next_session.store(0);
    }

    /// True once worker `worker` has opened its connections for phase `index` (from 0).
    [[nodiscard]] bool is_ready(std::uint32_t worker, std::uint32_t index) noexcept {
        return counters(worker).ready_for.load(std::memory_order_acquire) > index;
    }

    /// True once worker `worker` is through with phase `index` (from 0).
    [[nodiscard]] bool is_through(std::uint32_t worker, std::uint32_t index) noexcept {
        return counters(worker).phase_done.load(std::memory_order_acquire) > index;
    }
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "shared between processes");

/// Owns the mapping of a SharedState (a memfd) and of its counters behind it.
class SharedMapping {
public:
    /// Throws base::SystemError.
    explicit SharedMapping(std::uint32_t workers);

    /// Maps the state of another process and takes `descriptor` over. Throws base::SystemError; base::RunError where
    /// it is something else.
    [[nodiscard]] static std::unique_ptr<SharedMapping> attach(int descriptor);

    ~SharedMapping();
    SharedMapping(const SharedMapping&) = delete;
    SharedMapping& operator=(const SharedMapping&) = delete;

    /// What is shared. *Lifetime*: the mapping's.
    [[nodiscard]] SharedState& state() const noexcept { return *state_; }

    /// Of the memfd, for a process to inherit.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_.get(); }

private:
    SharedMapping() = default;

    void map();

    process::Descriptor descriptor_;
    SharedState* state_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace aiperf::load
