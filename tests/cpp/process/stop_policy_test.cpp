#include "aiperf/process/stop_policy.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace aiperf;
using namespace aiperf::process;
using namespace std::chrono_literals;
using base::Instant;
using base::Nanoseconds;

namespace {

constexpr Instant k_start{1000s};

/// A process in virtual time: how long after which call it ends, if at all.
struct Process final : StopTarget {
    explicit Process(const Instant& clock)
        : now(clock) {}

    [[nodiscard]] bool ended() const override { return ends_at && *ends_at <= now; }

    bool ask(Instant leave_by) override {
        note("ask");
        told = leave_by;
        end_after(after_ask);
        return hears;
    }

    void terminate() override {
        note("terminate");
        end_after(after_terminate);
    }

    void kill() override {
        note("kill");
        end_after(after_kill);
    }

    void note(const char* what) { calls.emplace_back(what, now - k_start); }

    void end_after(std::optional<Nanoseconds> time) {
        if (time && (!ends_at || now + *time < *ends_at)) {
            ends_at = now + *time;
        }
    }

    const Instant& now;
    std::optional<Nanoseconds> after_ask;
    std::optional<Nanoseconds> after_terminate;
    std::optional<Nanoseconds> after_kill = 0ns;
    bool hears = true;
    std::optional<Instant> ends_at;
    std::optional<Instant> told;
    std::vector<std::pair<std::string, Nanoseconds>> calls;
};

using Calls = decltype(Process::calls);

/// Stops in one loop, as a supervisor's: it wakes at the next deadline or at the next end, whichever is earlier.
class Loop {
public:
    Process& add(std::optional<Nanoseconds> leave_by = std::nullopt, const StopPolicy& policy = {}) {
        processes_.push_back(std::make_unique<Process>(now_));
        const auto until = leave_by ? std::optional{k_start + *leave_by} : std::nullopt;
        stops_.emplace_back(policy, now_, until);
        ends_.emplace_back();
        return *processes_.back();
    }

    StopSequence& stop(std::size_t index) { return stops_.at(index); }

    Nanoseconds ended_after(std::size_t index) const { return ends_.at(index).value() - k_start; }

    /// Until all are over, or `until`; what lies ahead then.
    void run(Nanoseconds until = 1000s) {
        while (const auto next = advance_all()) {
            if (*next > k_start + until) {
                now_ = k_start + until;
                return;
            }
            REQUIRE(*next > now_);
            now_ = *next;
        }
    }

private:
    std::optional<Instant> advance_all() {
        std::optional<Instant> next;
        for (std::size_t i = 0; i < stops_.size(); ++i) {
            const auto due = stops_[i].advance(now_, *processes_[i]);
            if (!due) {
                ends_[i] = ends_[i].value_or(now_);
                continue;
            }
            const Instant end = processes_[i]->ends_at.value_or(*due);
            next = std::min({next.value_or(*due), *due, end});
        }
        return next;
    }

    Instant now_ = k_start;
    std::vector<std::unique_ptr<Process>> processes_;
    std::vector<StopSequence> stops_;
    std::vector<std::optional<Instant>> ends_;
};

}  // namespace

TEST_CASE("a process that leaves when asked gets no signal") {
    Loop loop;
    Process& process = loop.add();
    process.after_ask = 300ms;
    loop.run();
    CHECK(process.calls == Calls{{"ask", 0s}});
    CHECK(process.told == k_start + 2s);
    CHECK(loop.stop(0).step() == StopStep::ended);
    CHECK(loop.ended_after(0) == 300ms);
}

TEST_CASE("a process that does not leave gets SIGTERM at its deadline") {
    Loop loop;
    Process& process = loop.add();
    process.after_terminate = 100ms;
    loop.run();
    CHECK(process.calls == Calls{{"ask", 0s}, {"terminate", 2s}});
    CHECK(loop.ended_after(0) == 2100ms);
}

TEST_CASE("a process that ignores SIGTERM gets SIGKILL two seconds later") {
    Loop loop;
    Process& process = loop.add();
    loop.run();
    CHECK(process.calls == Calls{{"ask", 0s}, {"terminate", 2s}, {"kill", 4s}});
    CHECK(loop.ended_after(0) == 4s);
}

TEST_CASE("a process that does not even die of SIGKILL is given up, not waited for") {
    Loop loop;
    Process& process = loop.add();
    process.after_kill.reset();
    loop.run();
    CHECK(loop.stop(0).step() == StopStep::given_up);
    CHECK(loop.ended_after(0) == 5s);
}

TEST_CASE("a process that cannot be asked gets SIGTERM at once") {
    Loop loop;
    Process& process = loop.add();
    process.hears = false;
    loop.run();
    CHECK(process.calls == Calls{{"ask", 0s}, {"terminate", 0s}, {"kill", 2s}});
}

TEST_CASE("a process that has ended before its stop gets nothing") {
    Loop loop;
    Process& process = loop.add();
    process.ends_at = k_start;
    loop.run();
    CHECK(process.calls.empty());
    CHECK(loop.stop(0).step() == StopStep::ended);
}

TEST_CASE("a results server's deadline is the end of its hold, its closing time and a second") {
    constexpr auto k_grace = 10s;
    constexpr auto k_shutdown_timeout = 5s;
    Loop loop;
    Process& server = loop.add(k_grace + k_shutdown_timeout + 1s);
    server.after_ask = k_grace + 3s;  // it needs 3 s to close
    loop.run();
    CHECK(server.calls == Calls{{"ask", 0s}});
    CHECK(server.told == k_start + 16s);
    CHECK(loop.ended_after(0) == 13s);
}

TEST_CASE("a results server stuck in its hold is killed by its own deadline") {
    Loop loop;
    Process& server = loop.add(16s);
    loop.run();
    CHECK(server.calls == Calls{{"ask", 0s}, {"terminate", 16s}, {"kill", 18s}});
}

TEST_CASE("several stops go on in parallel: a hold keeps nobody else") {
    Loop loop;
    Process& server = loop.add(306s);
    Process& worker = loop.add();
    Process& stuck = loop.add();
    server.after_ask = 300s;
    worker.after_ask = 1s;
    loop.run();
    CHECK(loop.ended_after(1) == 1s);
    CHECK(loop.ended_after(2) == 4s);
    CHECK(loop.ended_after(0) == 300s);
    CHECK(stuck.calls == Calls{{"ask", 0s}, {"terminate", 2s}, {"kill", 4s}});
}

TEST_CASE("a process may state a later deadline of its own, up to the policy's longest") {
    Loop loop;
    Process& process = loop.add(std::nullopt, {.longest_leave = 20s});
    loop.run(1s);
    loop.stop(0).extend(k_start + 8s);
    loop.stop(0).extend(k_start + 3s);
    CHECK(loop.stop(0).leave_by() == k_start + 8s);
    loop.stop(0).extend(k_start + 3600s);
    CHECK(loop.stop(0).leave_by() == k_start + 20s);
    loop.run();
    CHECK(process.calls == Calls{{"ask", 0s}, {"terminate", 20s}, {"kill", 22s}});
}

TEST_CASE("a deadline stated after SIGTERM changes nothing") {
    Loop loop;
    Process& process = loop.add();
    loop.run(3s);
    loop.stop(0).extend(k_start + 60s);
    loop.run();
    CHECK(process.calls == Calls{{"ask", 0s}, {"terminate", 2s}, {"kill", 4s}});
}

TEST_CASE("a hold that ends early brings the deadline nearer") {
    Loop loop;
    Process& server = loop.add(306s);
    loop.run(10s);
    loop.stop(0).set_leave_by(k_start + 16s);
    loop.run();
    CHECK(server.calls == Calls{{"ask", 0s}, {"terminate", 16s}, {"kill", 18s}});
}

TEST_CASE("out of patience, SIGKILL comes next, from every step") {
    for (const auto impatient_at : {0s, 1s, 3s}) {
        Loop loop;
        Process& process = loop.add();
        if (impatient_at > 0s) {
            loop.run(impatient_at);
        }
        loop.stop(0).kill_now();
        loop.run();
        CHECK(process.calls.back() == std::pair<std::string, Nanoseconds>{"kill", impatient_at});
        CHECK(loop.stop(0).step() == StopStep::ended);
    }
}

TEST_CASE("a loop that wakes late does what is due, in order, and waits for no more") {
    Loop loop;
    Process& process = loop.add();
    process.after_kill.reset();
    loop.run(0s);
    CHECK((loop.stop(0).advance(k_start + 60s, process) == k_start + 61s));
    CHECK(process.calls.size() == 3);
    CHECK(loop.stop(0).step() == StopStep::killed);
}
