#include "aiperf/load/shared_state.hpp"

#include "aiperf/base/error.hpp"

#include <cerrno>
#include <new>
#include <sys/mman.h>
#include <unistd.h>

namespace aiperf::load {

namespace {

constexpr std::size_t k_counters_offset =
    (sizeof(SharedState) + alignof(WorkerCounters) - 1) / alignof(WorkerCounters) * alignof(WorkerCounters);

}  // namespace

void WorkerCounters::reset() noexcept {
    for (std::atomic<std::uint64_t>* counter : {&sent, &completed, &errors, &retries}) {
        counter->store(0, std::memory_order_relaxed);
    }
    time_to_first_token.reset();
    inter_token_latency.reset();
}

WorkerCounters& SharedState::counters(std::uint32_t worker) noexcept {
    auto* bytes = reinterpret_cast<std::byte*>(this) + k_counters_offset;  // NOLINT: laid out by SharedMapping
    return reinterpret_cast<WorkerCounters*>(bytes)[worker];               // NOLINT
}

SharedMapping::SharedMapping(std::uint32_t workers)
    : bytes_(k_counters_offset + workers * sizeof(WorkerCounters)) {
    const int fd = ::memfd_create("aiperf-state", MFD_CLOEXEC);
    if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(bytes_)) != 0) {
        const int number = errno;
        if (fd >= 0) {
            ::close(fd);
        }
        throw base::SystemError("cannot make the shared state", number);
    }
    void* map = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const int number = errno;
    ::close(fd);
    if (map == MAP_FAILED) {
        throw base::SystemError("cannot map the shared state", number);
    }
    state_ = new (map) SharedState;
    state_->workers = workers;
    for (std::uint32_t i = 0; i < workers; ++i) {
        new (&state_->counters(i)) WorkerCounters;
    }
}

SharedMapping::~SharedMapping() {
    ::munmap(state_, bytes_);
}

}  // namespace aiperf::load
