#include "aiperf/control/run.hpp"

#include "aiperf/base/error.hpp"
#include "run_impl.hpp"

#include <utility>

namespace aiperf::control {

const char* to_string(Status status) noexcept {
    switch (status) {
        case Status::running: return "running";
        case Status::complete: return "complete";
        case Status::cancelled: return "cancelled";
        case Status::incomplete: return "incomplete";
    }
    return "incomplete";
}

int Result::exit_code() const noexcept {
    if (status == Status::cancelled || aborted) {
        return cancel_code;
    }
    if (status != Status::complete || summary.valid == 0) {
        return 1;
    }
    const bool distorted = config.fail_on != config::FailOn::none &&
                           static_cast<int>(validity.verdict) >= static_cast<int>(config.fail_on);
    return distorted ? k_distorted : 0;
}

Run::Run(config::RunConfig config, Environment environment)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(environment))) {}

Run::~Run() = default;

void Run::start() {
    impl_->start();
}

void Run::cancel(int exit_code) noexcept {
    impl_->cancel(exit_code);
}

void Run::abort() noexcept {
    impl_->wish(Wish::abort);
}

bool Run::wait_for(base::Nanoseconds timeout) {
    return impl_->wait_for(timeout);
}

bool Run::done() const noexcept {
    return impl_->done();
}

Snapshot Run::snapshot() const {
    return impl_->snapshot();
}

const Result& Run::result() {
    return impl_->result();
}

std::string Run::api_url() const {
    return impl_->api_url();
}

std::string Run::api_token() const {
    return impl_->api_token();
}

bool Run::wait_closed_for(base::Nanoseconds timeout) {
    return impl_->wait_closed_for(timeout);
}

void Run::end_hold() noexcept {
    impl_->end_hold();
}

void Run::close() {
    impl_->close();
}

const config::RunConfig& Run::config() const noexcept {
    return impl_->prepared().config;
}

const std::filesystem::path& Run::artifact_directory() const noexcept {
    return impl_->prepared().artifact_directory;
}

void Run::pass_signal(int signal) noexcept {
    impl_->pass_signal(signal);
}

std::vector<std::string> Run::where() const {
    return impl_->where();
}

std::vector<pid_t> Run::children() const {
    return impl_->children();
}

Result run(config::RunConfig config, Environment environment) {
    Run run(std::move(config), std::move(environment));
    run.start();
    run.close();
    return run.result();
}

}  // namespace aiperf::control
