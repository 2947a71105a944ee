#include "live_client.hpp"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace aiperf::api {

LiveClient::LiveClient(asio::io_context& io, LiveVisitor visitor, std::shared_ptr<const LiveOptions> options)
    : socket_(io, visitor.taken.socket.release()),
      connection_(std::move(visitor.taken.connection)),
      options_(std::move(options)),
      on_end_read_(std::move(visitor.on_end_read)) {}

LiveClient::~LiveClient() {
    connection_->fd = -1;
}

void LiveClient::begin(std::string head) {
    push(std::move(head));
    wait_for_bytes();
}

void LiveClient::push(SharedBytes bytes, bool is_end) {
    if (gone_) {
        return;
    }
    // One message may be longer than the queue: somebody who is not behind gets it.
    if (!overflowed_ && !queue_.empty() && queued_ + bytes->size() > options_->queue_bytes) {
        overflowed_ = true;
        while (queue_.size() > (offset_ > 0 ? 1U : 0U)) {
            queued_ -= queue_.back().bytes->size();
            queue_.pop_back();
        }
        on_overflow();
        return;
    }
    queued_ += bytes->size();
    queue_.push_back({std::move(bytes), is_end});
    flush();
}

void LiveClient::flush() {
    while (!waits_ && !gone_ && !queue_.empty() && send_some()) {
    }
    if (gone_ || !queue_.empty() || !(finishing_ || half_closing_)) {
        return;
    }
    ::shutdown(socket_.native_handle(), SHUT_WR);
    if (finishing_) {
        connection_->drain();
        cut();
    }
}

/// False: there is nothing more to be done now.
bool LiveClient::send_some() {
    const std::string& bytes = *queue_.front().bytes;
    const ssize_t count =
        ::send(socket_.native_handle(), bytes.data() + offset_, bytes.size() - offset_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
        offset_ += static_cast<std::size_t>(count);
        sent_ = base::now();
        if (offset_ == bytes.size()) {
            sent_front();
        }
        return true;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait_until_writable();
        return false;
    }
    if (errno != EINTR) {
        cut();
        return false;
    }
    return true;
}

void LiveClient::sent_front() {
    const bool was_end = queue_.front().is_end;
    queued_ -= offset_;
    offset_ = 0;
    queue_.pop_front();
    if (was_end && on_end_read_) {
        on_end_read_();
    }
}

void LiveClient::wait_until_writable() {
    waits_ = true;
    socket_.async_wait(asio::posix::stream_descriptor::wait_write,
                       [self = shared_from_this()](const asio::error_code& error) {
                           self->waits_ = false;
                           if (!error) {
                               self->flush();
                           }
                       });
}

void LiveClient::wait_for_bytes() {
    if (gone_) {
        return;
    }
    socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const asio::error_code& error) {
                           if (!error) {
                               self->read();
                           }
                       });
}

void LiveClient::read() {
    if (gone_) {
        return;
    }
    std::array<char, 16384> bytes;  // NOLINT: filled by the call
    const ssize_t count = ::recv(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count > 0) {
        heard_ = base::now();
        on_bytes({bytes.data(), static_cast<std::size_t>(count)});
    } else if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        cut();
    }
    wait_for_bytes();
}

void LiveClient::finish() {
    finishing_ = true;
    flush();
}

void LiveClient::half_close() {
    half_closing_ = true;
    flush();
}

void LiveClient::cut() {
    if (gone_) {
        return;
    }
    gone_ = true;
    connection_->fd = -1;
    queue_.clear();
    asio::error_code ignored;
    socket_.close(ignored);
}

}  // namespace aiperf::api
