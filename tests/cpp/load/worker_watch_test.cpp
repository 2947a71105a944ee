#include "aiperf/load/worker.hpp"
#include "fed_answer.hpp"
#include "load_run.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>

using namespace aiperf;  // NOLINT: a test
using namespace std::chrono_literals;
using load::WorkerCounters;
using record::Record;
using test::closed_loop;
using test::constant_rate;
using test::json_answer;
using test::LoadRun;
using test::plan_for;
using test::ScriptedServer;
using test::send_step;
using Request = ScriptedServer::Request;
using Steps = ScriptedServer::Steps;

namespace {

/// Takes its time over every answer, as a worker does that has too little of a processor.
class SlowReader final : public endpoint::AnswerReader {
public:
    explicit SlowReader(base::Nanoseconds time)
        : reader_(endpoint::endpoint_of(config::EndpointType::chat).reader()),
          time_(time) {}

    bool read(const char* json, std::size_t size, endpoint::Delta& delta) override {
        std::this_thread::sleep_for(time_);
        return reader_->read(json, size, delta);
    }

private:
    std::unique_ptr<endpoint::AnswerReader> reader_;
    base::Nanoseconds time_;
};

class SlowEndpoint final : public endpoint::Endpoint {
public:
    explicit SlowEndpoint(base::Nanoseconds time)
        : time_(time) {}

    [[nodiscard]] std::string_view path() const noexcept override { return "/v1/chat/completions"; }

    [[nodiscard]] std::string body(const dataset::Turn& turn,
                                   const config::RunConfig& config,
                                   const settings::Endpoint& settings) const override {
        return endpoint::endpoint_of(config::EndpointType::chat).body(turn, config, settings);
    }

    [[nodiscard]] std::unique_ptr<endpoint::AnswerReader> reader() const override {
        return std::make_unique<SlowReader>(time_);
    }

private:
    base::Nanoseconds time_;
};

ScriptedServer::Script answering() {
    return {.on_request = [](const Request&) { return Steps{send_step(json_answer("Hello"))}; }};
}

bool has(const Record& record, std::uint32_t flag) {
    return (record.flags & flag) != 0;
}

}  // namespace

TEST_CASE("the kernel's stamps tell how long answers lay unread, and who was late is flagged") {
    constexpr auto k_slow = 20ms;
    ScriptedServer server(answering());
    const SlowEndpoint endpoint(k_slow);
    load::LoadPlan plan = plan_for({&server}, {closed_loop(12, 4)});
    plan.socket.receive_stamps = true;
    plan.endpoint = &endpoint;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    std::int64_t worst = 0;
    std::size_t late = 0;
    std::size_t stamped = 0;
    for (const Record& record : set.records()) {
        REQUIRE(set.events(record).size() == 1);
        const record::Event& event = set.events(record)[0];
        stamped += event.lag_ns > 0 ? 1U : 0U;
        // It cannot have arrived before it was asked for.
        CHECK(event.at_ns - std::int64_t{event.lag_ns} > record.send_start_ns);
        CHECK(has(record, record::flag::late_read) == (event.lag_ns > record::k_late_read_ns));
        worst = std::max(worst, std::int64_t{event.lag_ns});
        late += has(record, record::flag::late_read) ? 1U : 0U;
    }
    CHECK(stamped >= 8);  // the kernel may begin a moment after it was asked
    // Four answers come together; the last of them waits for the three before it.
    CHECK(worst >= std::chrono::nanoseconds(k_slow).count());
    CHECK(late > 0);
}

TEST_CASE("without stamps no lag is claimed") {
    ScriptedServer server(answering());
    LoadRun run(plan_for({&server}, {closed_loop(5, 1)}));
    REQUIRE(run.run());
    const record::RecordSet& set = run.records();
    for (const Record& record : set.records()) {
        REQUIRE(set.events(record).size() == 1);
        CHECK(set.events(record)[0].lag_ns == 0);
        CHECK_FALSE(has(record, record::flag::late_read));
    }
}

TEST_CASE("a worker tells how long it stood still, and how much of its time it worked") {
    constexpr auto k_slow = 30ms;
    ScriptedServer server(answering());
    const SlowEndpoint endpoint(k_slow);
    load::LoadPlan plan = plan_for({&server}, {closed_loop(4, 1)});
    plan.endpoint = &endpoint;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    CHECK(run.total(&WorkerCounters::stall_ns) >= std::uint64_t{30'000'000});
    CHECK(run.total(&WorkerCounters::wall_ns) >= std::uint64_t{4 * 30'000'000});
    const std::uint64_t ran = run.total(&WorkerCounters::ran_ns);
    CHECK(ran > 0);
    CHECK(ran < run.total(&WorkerCounters::wall_ns));  // it slept most of the time
}

TEST_CASE("a worker that spins before its sends keeps to the plan, reads answers and obeys a stop meanwhile") {
    ScriptedServer server(answering());
    load::LoadPlan plan = plan_for({&server}, {constant_rate(100'000, 200)});
    plan.spin = 1s;  // longer than any gap: it never sleeps
    LoadRun run(std::move(plan));
    const std::int64_t start = run.begin();
    REQUIRE(server.wait_for_requests(20));
    run.stop(load::Stop::sending);
    REQUIRE(run.wait());
    CHECK(run.total(&WorkerCounters::errors) == 0);
    const std::uint64_t completed = run.total(&WorkerCounters::completed);
    CHECK(completed >= 20);
    CHECK(completed < 100'000);
    const record::RecordSet& set = run.records();
    for (std::size_t slot = 0; slot < completed; ++slot) {
        const Record& record = set.records()[slot];
        CHECK(record.planned_ns == start + static_cast<std::int64_t>(slot + 1) * 5'000'000);
        CHECK(record.send_start_ns >= record.planned_ns);
    }
}

TEST_CASE("requests that were due while every slot was taken are flagged, the others are not") {
    const std::uint32_t cap = GENERATE(0U, 1U);
    INFO("cap " << cap);
    ScriptedServer server(answering());
    // One in 5 ms, and each answer takes 20 to read: without a cap the worker is late, but no slot is waited for.
    const SlowEndpoint endpoint(20ms);
    schedule::Phase phase = constant_rate(10, 200);
    if (cap != 0) {
        phase.concurrency = cap;
    }
    load::LoadPlan plan = plan_for({&server}, {phase});
    plan.endpoint = &endpoint;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    std::size_t capped = 0;
    for (const Record& record : run.records().records()) {
        capped += has(record, record::flag::capped) ? 1U : 0U;
    }
    CHECK(capped == (cap != 0 ? 9U : 0U));
}
