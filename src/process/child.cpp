#include "aiperf/process/child.hpp"

#include "poll.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <unistd.h>
#include <utility>

namespace aiperf::process {
namespace {

constexpr std::size_t k_read_bytes = std::size_t{16} * 1024;
// More than a pipe holds: what a dead process left is read whole, what a stray descendant adds is not waited for.
constexpr int k_last_reads = 16;
constexpr auto k_destructor_patience = std::chrono::seconds(1);

}  // namespace

Child::Child(const SpawnOptions& options)
    : name_(options.name),
      process_(spawn(options)),
      channel_(std::move(process_.channel)) {}

Child::~Child() {
    if (exit_status_) {
        return;
    }
    kill();
    pollfd one{.fd = process_.pidfd.get(), .events = POLLIN, .revents = 0};
    ::poll(&one, 1, static_cast<int>(std::chrono::milliseconds(k_destructor_patience).count()));
    // Whatever the status was, nobody asked for it.
    static_cast<void>(reap(process_.pidfd));
}

int Child::channel_fd() const noexcept {
    return channel_.state() == ChannelState::open ? channel_.fd() : -1;
}

void Child::take(const Message& message) {
    switch (message.kind) {
        case Message::Kind::registered:
            if (registration_ == Registration::waiting) {
                registration_ = message.error.empty() ? Registration::registered : Registration::error;
                fault_ = message.error;
            }
            break;
        case Message::Kind::state:
            if (may_follow(state_, message.state)) {
                state_ = message.state;
            }
            break;
        case Message::Kind::leave_by: leave_by_ = message.deadline; break;
        case Message::Kind::stop:
        case Message::Kind::other: break;
    }
}

void Child::refuse_channel() {
    channel_.close();
    fault_ = "its control channel was damaged";
    state_ = ServiceState::failed;
}

std::vector<std::string> Child::read_channel() {
    std::vector<std::string> payloads = channel_.receive();
    for (const std::string& payload : payloads) {
        if (const auto message = parse_message(payload)) {
            take(*message);
        }
    }
    if (channel_.state() == ChannelState::damaged && !ended()) {
        refuse_channel();
    }
    return payloads;
}

bool Child::read_errors_once() {
    std::array<char, k_read_bytes> buffer{};
    const ssize_t got = ::read(process_.errors.get(), buffer.data(), buffer.size());
    if (got > 0) {
        errors_.append({buffer.data(), static_cast<std::size_t>(got)});
        return true;
    }
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return errno == EINTR;
    }
    process_.errors.reset();
    return false;
}

void Child::read_errors() {
    if (process_.errors) {
        read_errors_once();
    }
}

std::vector<std::string> Child::collect() {
    if (exit_status_ || !has_ended(process_.pidfd)) {
        return {};
    }
    // Before the reaping: until then the pid, and with it the group's number, cannot be another's.
    kill();
    for (int i = 0; i < k_last_reads && process_.errors && read_errors_once(); ++i) {
    }
    std::vector<std::string> payloads = read_channel();
    exit_status_ = reap(process_.pidfd).value_or(ExitStatus{});
    channel_.close();
    process_.errors.reset();
    process_.pidfd.reset();
    if (registration_ == Registration::waiting) {
        registration_ = Registration::error;
    }
    return payloads;
}

bool Child::ended() const {
    return exit_status_ || has_ended(process_.pidfd);
}

ServiceView Child::view() const noexcept {
    return {.registration = registration_, .state = state_, .process_alive = !ended()};
}

void Child::registration_timed_out() noexcept {
    if (registration_ == Registration::waiting) {
        registration_ = Registration::timeout;
    }
}

void Child::signal_group(int signal) noexcept {
    // A caller that waits for all children, or ignores SIGCHLD, may have taken it from us.
    if (!exit_status_ && is_ours(process_.pidfd)) {
        ::kill(-process_.pid, signal);
    }
}

bool Child::ask(base::Instant leave_by) {
    return channel_.send(stop_message(leave_by));
}

void Child::terminate() {
    signal_group(SIGTERM);
}

void Child::kill() {
    signal_group(SIGKILL);
}

std::string Child::death_report() const {
    std::string report = name_ + " (pid " + std::to_string(process_.pid) + ") ";
    report += exit_status_ ? exit_status_->words() : "has not ended";
    if (!fault_.empty()) {
        report += "; " + fault_;
    }
    const auto lines = errors_.lines();
    if (!lines.empty()) {
        report += lines.size() == 1 ? "; last line on stderr: " : "; last lines on stderr: ";
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
        report += (i == 0 ? "" : " | ") + lines[i];
    }
    return report;
}

}  // namespace aiperf::process
