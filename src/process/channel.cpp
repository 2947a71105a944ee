#include "aiperf/process/channel.hpp"

#include "aiperf/base/error.hpp"
#include "poll.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>

namespace aiperf::process {
namespace {

constexpr std::size_t k_read_bytes = std::size_t{16} * 1024;
constexpr int k_reads_per_call = 16;

}  // namespace

Channel::Channel(Descriptor socket, std::size_t max_payload_bytes)
    : socket_(std::move(socket)),
      parser_(max_payload_bytes),
      max_payload_bytes_(max_payload_bytes) {
    const int flags = ::fcntl(socket_.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK) < 0) {
        throw base::SystemError("cannot use the control channel", errno);
    }
}

std::pair<Descriptor, Descriptor> Channel::make_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw base::SystemError("cannot make a control channel", errno);
    }
    return {Descriptor{ends[0]}, Descriptor{ends[1]}};
}

bool Channel::send(std::string_view payload) {
    if (state_ != ChannelState::open || write_failed_ || payload.empty() || payload.size() > max_payload_bytes_ ||
        queued_bytes_ + payload.size() > k_max_queued_bytes) {
        return false;
    }
    queue_.push_back(encode_frame(payload));
    queued_bytes_ += queue_.back().size();
    flush();
    return !write_failed_;
}

void Channel::flush() {
    while (wants_write()) {
        const std::string& frame = queue_.front();
        const ssize_t sent = ::send(socket_.get(), frame.data() + written_, frame.size() - written_, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                return;
            }
            if (errno != EINTR) {
                // What the peer wrote before it went can still be read: receive() finds the end of the stream.
                write_failed_ = true;
                queue_.clear();
                queued_bytes_ = written_ = 0;
                return;
            }
            continue;
        }
        written_ += static_cast<std::size_t>(sent);
        queued_bytes_ -= static_cast<std::size_t>(sent);
        if (written_ == frame.size()) {
            queue_.pop_front();
            written_ = 0;
        }
    }
}

void Channel::end_of_stream() noexcept {
    if (state_ == ChannelState::open) {
        state_ = parser_.in_frame() ? ChannelState::damaged : ChannelState::peer_gone;
    }
}

void Channel::read_some(std::vector<std::string>& payloads) {
    std::array<char, k_read_bytes> buffer{};
    for (int i = 0; i < k_reads_per_call && state_ == ChannelState::open; ++i) {
        const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (got > 0) {
            if (!parser_.feed({buffer.data(), static_cast<std::size_t>(got)}, payloads)) {
                state_ = ChannelState::damaged;
            }
        } else if (got == 0) {
            end_of_stream();
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR) {
            end_of_stream();
        }
    }
}

std::vector<std::string> Channel::receive() {
    std::vector<std::string> payloads(std::make_move_iterator(arrived_.begin()),
                                      std::make_move_iterator(arrived_.end()));
    arrived_.clear();
    read_some(payloads);
    return payloads;
}

std::optional<std::string> Channel::receive_until(base::Instant deadline) {
    for (;;) {
        if (arrived_.empty()) {
            std::vector<std::string> payloads;
            read_some(payloads);
            arrived_.insert(
                arrived_.end(), std::make_move_iterator(payloads.begin()), std::make_move_iterator(payloads.end()));
        }
        if (!arrived_.empty()) {
            std::string first = std::move(arrived_.front());
            arrived_.pop_front();
            return first;
        }
        const short events = wants_write() ? POLLIN | POLLOUT : POLLIN;
        if (state_ != ChannelState::open || !poll_until(socket_.get(), events, deadline)) {
            return std::nullopt;
        }
        flush();
    }
}

bool Channel::flush_until(base::Instant deadline) {
    flush();
    while (wants_write()) {
        if (!poll_until(socket_.get(), POLLOUT, deadline)) {
            return false;
        }
        flush();
    }
    return state_ == ChannelState::open && !write_failed_;
}

void Channel::close() noexcept {
    socket_.reset();
    queue_.clear();
    queued_bytes_ = written_ = 0;
    if (state_ == ChannelState::open) {
        state_ = ChannelState::peer_gone;
    }
}

}  // namespace aiperf::process
