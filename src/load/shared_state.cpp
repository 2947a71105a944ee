#include "aiperf/load/shared_state.hpp"

#include "aiperf/base/error.hpp"

#include <cerrno>
#include <new>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aiperf::load {

namespace {

constexpr std::size_t k_counters_offset =
    (sizeof(SharedState) + alignof(WorkerCounters) - 1) / alignof(WorkerCounters) * alignof(WorkerCounters);

constexpr std::size_t bytes_for(std::uint32_t workers) noexcept {
    return k_counters_offset + workers * sizeof(WorkerCounters);
}

}  // namespace

void WorkerCounters::reset() noexcept {
    for (std::atomic<std::uint64_t>* counter : {&sent,
                                                &completed,
                                                &errors,
                                                &retries,
                                                &sessions_sent,
                                                &sessions_completed,
                                                &unready,
                                                &own_failures,
                                                &wall_ns,
                                                &ran_ns,
                                                &waited_ns,
                                                &stall_ns}) {
        counter->store(0, std::memory_order_relaxed);
    }
    time_to_first_token.reset();
    inter_token_latency.reset();
}

WorkerCounters& SharedState::counters(std::uint32_t worker) noexcept {
    auto* bytes = reinterpret_cast<std::byte*>(this) + k_counters_offset;  // NOLINT: laid out by SharedMapping
    return reinterpret_cast<WorkerCounters*>(bytes)[worker];               // NOLINT
}

void SharedMapping::map() {
    void* map = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_.get(), 0);
    if (map == MAP_FAILED) {
        throw base::SystemError("cannot map the shared state", errno);
    }
    state_ = static_cast<SharedState*>(map);
}

SharedMapping::SharedMapping(std::uint32_t workers)
    : descriptor_(::memfd_create("aiperf-state", MFD_CLOEXEC)),
      bytes_(bytes_for(workers)) {
    if (!descriptor_ || ::ftruncate(descriptor_.get(), static_cast<off_t>(bytes_)) != 0) {
        throw base::SystemError("cannot make the shared state", errno);
    }
    map();
    new (state_) SharedState;
    state_->workers = workers;
    for (std::uint32_t i = 0; i < workers; ++i) {
        new (&state_->counters(i)) WorkerCounters;
    }
}

std::unique_ptr<SharedMapping> SharedMapping::attach(int descriptor) {
    std::unique_ptr<SharedMapping> mapping(new SharedMapping);
    mapping->descriptor_ = process::Descriptor(descriptor);

    struct stat facts {};

    if (::fstat(descriptor, &facts) != 0 || facts.st_size < static_cast<off_t>(bytes_for(1))) {
        throw base::RunError("not the shared state of a run: too small");
    }
    mapping->bytes_ = static_cast<std::size_t>(facts.st_size);
    mapping->map();
    if (mapping->bytes_ != bytes_for(mapping->state_->workers)) {
        throw base::RunError("not the shared state of a run: its size is not that of its workers");
    }
    return mapping;
}

SharedMapping::~SharedMapping() {
    if (state_ != nullptr) {
        ::munmap(state_, bytes_);
    }
}

}  // namespace aiperf::load
