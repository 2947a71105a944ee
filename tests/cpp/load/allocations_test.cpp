// A program of its own: it replaces operator new.

#include "fed_answer.hpp"
#include "load_run.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

using namespace aiperf;  // NOLINT: a test
using test::closed_loop;
using test::constant_rate;
using test::LoadRun;
using test::plan_for;
using test::ScriptedServer;
using Request = ScriptedServer::Request;
using Steps = ScriptedServer::Steps;

namespace {

thread_local std::uint64_t t_allocations = 0;  // of this thread, so far

void* counted(std::size_t size, std::size_t alignment) {
    ++t_allocations;
    void* memory = alignment <= alignof(std::max_align_t)
                       ? std::malloc(size == 0 ? 1 : size)
                       : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

}  // namespace

void* operator new(std::size_t size) {
    return counted(size, 1);
}

void* operator new[](std::size_t size) {
    return counted(size, 1);
}

void* operator new(std::size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<std::size_t>(alignment));
}

void* operator new[](std::size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<std::size_t>(alignment));
}

void operator delete(void* memory) noexcept {
    std::free(memory);
}

void operator delete[](void* memory) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

void operator delete[](void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
    std::free(memory);
}

void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept {
    std::free(memory);
}

void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
    std::free(memory);
}

void operator delete[](void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
    std::free(memory);
}

namespace {

constexpr std::uint64_t k_requests = 2000;
constexpr std::size_t k_events = 16;  // of a stream

/// Notes, at each message, what its worker has allocated so far; allocates itself where it is told to.
class CountingReader final : public endpoint::AnswerReader {
public:
    CountingReader(std::vector<std::uint64_t>& counts, bool careless)
        : reader_(endpoint::endpoint_of(config::EndpointType::chat).reader()),
          counts_(counts),
          careless_(careless) {}

    bool read(const char* json, std::size_t size, endpoint::Delta& delta) override {
        if (careless_) {
            text_ = std::make_unique<std::string>(json, size);
        }
        counts_.push_back(t_allocations);
        return reader_->read(json, size, delta);
    }

private:
    std::unique_ptr<endpoint::AnswerReader> reader_;
    std::vector<std::uint64_t>& counts_;
    std::unique_ptr<std::string> text_;
    bool careless_;
};

class CountingEndpoint final : public endpoint::Endpoint {
public:
    explicit CountingEndpoint(bool careless)
        : careless_(careless) {
        counts_.reserve(k_requests * (k_events + 4));
    }

    [[nodiscard]] std::string_view path() const noexcept override { return "/v1/chat/completions"; }

    [[nodiscard]] std::string body(const dataset::Turn& turn,
                                   const config::RunConfig& config,
                                   const settings::Endpoint& settings) const override {
        return endpoint::endpoint_of(config::EndpointType::chat).body(turn, config, settings);
    }

    [[nodiscard]] std::unique_ptr<endpoint::AnswerReader> reader() const override {
        return std::make_unique<CountingReader>(counts_, careless_);
    }

    /// What the worker has allocated between two messages, counted from the first.
    [[nodiscard]] std::uint64_t between(std::size_t from, std::size_t to) const {
        return counts_.at(to) - counts_.at(from);
    }

    [[nodiscard]] std::size_t messages() const { return counts_.size(); }

private:
    mutable std::vector<std::uint64_t> counts_;
    bool careless_;
};

/// Role, content, usage and end.
std::string stream_answer() {
    std::vector<std::string> events(k_events, test::content_event("Hello"));
    events.insert(events.begin(), test::k_role_event);
    events.push_back(test::usage_event(3, static_cast<int>(k_events)));
    events.push_back(test::k_done_event);
    return test::stream_of(events);
}

ScriptedServer::Script answering(bool streaming) {
    const std::string answer = streaming ? stream_answer() : test::json_answer("Hello");
    return {.on_request = [answer](const Request&) { return Steps{test::send_step(answer)}; }};
}

/// Allocations of one worker from half of its run to nine tenths: by then its buffers have grown, and at the end the
/// pool of idle connections grows. `messages` becomes how many messages that was.
std::uint64_t steady_allocations(schedule::Phase phase, bool streaming, bool careless, std::size_t& messages) {
    ScriptedServer server(answering(streaming));
    const CountingEndpoint endpoint(careless);
    load::LoadPlan plan = plan_for({&server}, {std::move(phase)});
    plan.endpoint = &endpoint;
    plan.socket.receive_stamps = true;
    LoadRun run(std::move(plan));
    REQUIRE(run.run());
    REQUIRE(run.total(&load::WorkerCounters::errors) == 0);
    const std::size_t all = endpoint.messages();
    REQUIRE(all >= k_requests);
    const std::size_t to = all / 10 * 9;
    messages = to - all / 2;
    return endpoint.between(all / 2, to);
}

}  // namespace

TEST_CASE("A worker in its steady state allocates nothing, for a request or for an event") {
    const bool streaming = GENERATE(false, true);
    const bool open_loop = GENERATE(false, true);
    INFO((streaming ? "streaming, " : "whole answers, ") << (open_loop ? "open loop" : "closed loop"));
    schedule::Phase phase = open_loop ? constant_rate(k_requests, 4000) : closed_loop(k_requests, 8);
    if (open_loop) {
        phase.concurrency = 1;  // with more, a second request may be under way for the first time at any moment
    }
    std::size_t messages = 0;
    CHECK(steady_allocations(phase, streaming, false, messages) == 0);
}

TEST_CASE("An allocation for each message would be seen") {
    std::size_t messages = 0;
    CHECK(steady_allocations(closed_loop(k_requests, 8), false, true, messages) >= messages);
}
