#include "load_driver.hpp"

#include <algorithm>

namespace aiperf::control {

LoadDriver::LoadDriver(const load::LoadPlan& plan, record::Journal& journal)
    : plan_(plan),
      mapping_(plan.workers) {
    for (std::uint32_t number = 0; number < plan.workers; ++number) {
        workers_.push_back(std::make_unique<Worker>(number, plan, mapping_.state(), journal.writer(number), [this] {
            const std::scoped_lock lock(mutex_);  // so that the notification cannot fall between test and wait
            changed_.notify_all();
        }));
    }
    for (std::uint32_t number = 0; number < plan.workers; ++number) {
        threads_.emplace_back([this, number] { work(number); });
    }
}

LoadDriver::~LoadDriver() {
    stop(load::Stop::in_flight);
    state().phase.store(load::SharedState::k_quit, std::memory_order_release);
    wake_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

void LoadDriver::work(std::uint32_t number) noexcept {
    try {
        workers_[number]->run();
    } catch (...) {
        const std::scoped_lock lock(mutex_);
        failure_ = failure_ ? failure_ : std::current_exception();
        ++dead_;
        changed_.notify_all();
    }
}

std::uint64_t LoadDriver::run_phase(std::uint32_t index, std::uint64_t first_slot, std::int64_t start_ns) {
    load::SharedState& shared = state();
    shared.next_index.store(0);
    shared.first_slot.store(first_slot);
    shared.phase_start_ns.store(start_ns);
    shared.workers_done.store(0);
    shared.phase.store(index + 1, std::memory_order_release);
    wake_all();
    std::unique_lock lock(mutex_);
    // Bounded by the phase itself: its requests' timeouts, its grace, and stop().
    changed_.wait(lock, [&] { return failure_ != nullptr || shared.workers_done.load() == plan_.workers; });
    if (failure_ != nullptr) {
        std::rethrow_exception(failure_);
    }
    const std::uint64_t claimed = shared.next_index.load();
    return std::min(claimed, plan_.phases[index].requests.value_or(claimed));
}

void LoadDriver::stop(load::Stop level) noexcept {
    std::atomic<std::uint32_t>& stop = state().stop;
    std::uint32_t now = stop.load();
    while (now < static_cast<std::uint32_t>(level) &&
           !stop.compare_exchange_weak(now, static_cast<std::uint32_t>(level))) {
    }
    wake_all();
}

void LoadDriver::wake_all() noexcept {
    for (const auto& worker : workers_) {
        worker->wake();
    }
}

}  // namespace aiperf::control
