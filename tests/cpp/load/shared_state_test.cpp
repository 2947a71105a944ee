#include "aiperf/load/shared_state.hpp"

#include "aiperf/base/error.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace aiperf;  // NOLINT: a test
using load::SharedMapping;
using load::SharedState;

namespace {

int memory_of(off_t bytes) {
    const int file = ::memfd_create("test", MFD_CLOEXEC);
    REQUIRE(::ftruncate(file, bytes) == 0);
    return file;
}

off_t size_of(int file) {
    return ::lseek(file, 0, SEEK_END);
}

}  // namespace

TEST_CASE("Who attaches to a shared state sees what the other writes, both ways") {
    const SharedMapping owner(3);
    const auto other = SharedMapping::attach(::dup(owner.descriptor()));
    REQUIRE(&other->state() != &owner.state());
    CHECK(other->state().workers == 3);
    owner.state().next_index.store(41);
    owner.state().phase.store(2);
    CHECK(other->state().next_index.fetch_add(1) == 41);
    CHECK(owner.state().next_index.load() == 42);
    for (std::uint32_t worker = 0; worker < 3; ++worker) {
        load::WorkerCounters& counters = other->state().counters(worker);
        counters.completed.store(100 + worker);
        counters.time_to_first_token.add(1'000'000);
        counters.phase_done.store(worker + 1);
        CHECK(owner.state().counters(worker).completed.load() == 100 + worker);
        CHECK(owner.state().counters(worker).time_to_first_token.quantile(0.5).has_value());
        CHECK(owner.state().is_through(worker, worker));
    }
    CHECK_FALSE(owner.state().is_through(0, 1));
    CHECK(owner.state().is_through(2, 0));
}

TEST_CASE("A state is shared with a process that inherits its descriptor") {
    const SharedMapping owner(1);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        try {
            const auto mine = SharedMapping::attach(::dup(owner.descriptor()));
            mine->state().counters(0).sent.store(5);
            ::_exit(0);
        } catch (...) {
            ::_exit(1);
        }
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(owner.state().counters(0).sent.load() == 5);
}

TEST_CASE("An attached state outlives its maker's mapping") {
    auto owner = std::make_unique<SharedMapping>(1);
    const auto other = SharedMapping::attach(::dup(owner->descriptor()));
    owner->state().stop.store(2);
    owner.reset();
    CHECK(other->state().stop.load() == 2);
}

TEST_CASE("What is not a shared state is refused, and its descriptor closed") {
    const SharedMapping owner(2);
    const off_t bytes = size_of(owner.descriptor());
    for (const off_t size : {off_t{0}, off_t{1}, off_t{64}, bytes - 1, bytes, bytes + 1, 2 * bytes}) {
        const int file = memory_of(size);
        CAPTURE(size);
        CHECK_THROWS_AS(SharedMapping::attach(file), base::RunError);  // zeros: a state of no workers
        CHECK(::fcntl(file, F_GETFD) == -1);
    }
    CHECK_THROWS_AS(SharedMapping::attach(-1), base::RunError);
}

TEST_CASE("A state with more workers than its size has room for is refused") {
    const SharedMapping owner(2);
    for (const std::uint32_t workers : {1U, 3U, ~0U}) {
        owner.state().workers = workers;
        CHECK_THROWS_WITH(SharedMapping::attach(::dup(owner.descriptor())), Catch::Contains("size"));
    }
    owner.state().workers = 2;
    CHECK_NOTHROW(SharedMapping::attach(::dup(owner.descriptor())));
}

TEST_CASE("Counters begin anew without forgetting which phases are over") {
    const SharedMapping owner(1);
    load::WorkerCounters& counters = owner.state().counters(0);
    counters.sent.store(4);
    counters.errors.store(1);
    counters.phase_done.store(3);
    counters.time_to_first_token.add(1000);
    counters.reset();
    CHECK(counters.sent.load() == 0);
    CHECK(counters.errors.load() == 0);
    CHECK(counters.phase_done.load() == 3);
    CHECK_FALSE(counters.time_to_first_token.quantile(0.5).has_value());
}
