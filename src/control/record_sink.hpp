#pragma once

#include "aiperf/control/finished_request.hpp"
#include "aiperf/metric/summary.hpp"
#include "aiperf/record/journal.hpp"
#include "aiperf/schedule/phase.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace aiperf::control {

/// Hands each finished request to a function, once, on a thread of its own that follows the journal. Memory: 8 bytes
/// for each request that is open while a later one is over.
class RecordSink {
public:
    /// What it calls and what it needs to know for it.
    struct Rules {
        std::function<void(const FinishedRequest&)> on_record;
        std::vector<schedule::Phase> phases;
        metric::Context context;
        std::function<std::uint64_t()> claimed;  ///< how many slots have been claimed so far; from any thread
    };

    /// Starts following. `journal` outlives the sink.
    RecordSink(const record::Journal& journal, Rules rules);

    /// Calls no more. Waits for a call that is under way.
    ~RecordSink();
    RecordSink(const RecordSink&) = delete;
    RecordSink& operator=(const RecordSink&) = delete;

    /// Hands on what is left in slots [0, slots), where nothing is written any more, until `enough` says so, and stops.
    /// Returns the number of requests left.
    std::uint64_t finish(std::uint64_t slots, const std::function<bool()>& enough);

    /// What the function has thrown; empty = nothing. After finish().
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

private:
    class LiveSet;

    void follow() noexcept;
    void look(std::uint64_t end);
    [[nodiscard]] bool take(std::uint64_t slot);
    void hand_on(std::uint64_t slot, const record::Record& original);
    void stop() noexcept;

    const record::Journal& journal_;
    Rules rules_;
    std::unique_ptr<LiveSet> set_;
    std::uint64_t next_ = 0;           // first slot that was not looked at
    std::vector<std::uint64_t> open_;  // slots before it that were not over
    std::string error_;
    bool failed_ = false;
    std::atomic<bool> enough_{false};  // no further call
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;   // guarded by mutex_, as are the next two
    std::uint64_t end_ = 0;   // of the slots, once that is known
    bool all_in_ = false;     // nothing is written any more
    bool followed_ = false;   // the thread is through
    std::uint64_t left_ = 0;  // committed and not handed on
    std::thread thread_;
};

}  // namespace aiperf::control
