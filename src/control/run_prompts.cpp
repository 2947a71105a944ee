#include "run_impl.hpp"

namespace aiperf::control {

/// Where a prompt cannot be made.
void Run::Impl::stop_sending() noexcept {
    const std::scoped_lock lock(mutex_);
    if (driver_ != nullptr) {
        driver_->stop(load::Stop::in_flight);
    }
}

/// What there must be before a first phase. The workers have been starting meanwhile.
void Run::Impl::await_first_prompts(Composer& composer) {
    composer.wait_for_start([this] { return cancelled(); });
    if (const std::string why = composer.failure(); !why.empty()) {
        throw base::RunError(why);
    }
    if (cancelled()) {
        throw base::RunError("the run was cancelled while its data set was made");
    }
    composer.stand_back();
}

/// What was not sent is made all the same, as `inputs.json` has it; not once the run is cancelled.
void Run::Impl::await_prompts(Composer& composer, Outcome& outcome) {
    const std::shared_ptr<const dataset::Dataset> dataset = composer.dataset();
    if (dataset->ready() < dataset->size() && composer.failure().empty() && !cancelled()) {
        enter("making the prompts that were not sent");
        log(spdlog::level::info,
            "the load is over; " + std::to_string(dataset->size() - dataset->ready()) + " of " +
                std::to_string(dataset->size()) + " prompts are still to be made for inputs.json");
        composer.wait_for_all([this] { return cancelled(); });
    }
    composer.stop();
    if (const std::string why = composer.failure(); !why.empty()) {
        outcome.fail(why);
    }
}

/// Says that the client was slower than the load it was to send.
void Run::Impl::note_unready(std::uint64_t requests, Outcome& outcome) const {
    if (requests > 0) {
        outcome.notes.push_back(std::to_string(requests) +
                                " requests had to wait until their prompts were made: the client held them up");
        log(spdlog::level::warn, outcome.notes.back());
    }
}

}  // namespace aiperf::control
