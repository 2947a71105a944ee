#pragma once

#include "live_event.hpp"
#include "taken_socket.hpp"

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::api {

/// What the clients of all streams have in common.
struct LiveOptions {
    std::size_t queue_bytes = 1024 * 1024;              ///< that one client may be behind
    base::Nanoseconds beat = std::chrono::seconds(20);  ///< of silence, then a sign of life
};

/// Somebody who wants to be told.
struct LiveVisitor {
    TakenSocket taken;
    std::vector<std::pair<std::string, std::string>> headers;  ///< that every answer of the server has
    std::function<void()> on_end_read;  ///< the end of the run has been handed over, all of it; may be empty
};

/// One client that is told what happens, for as long as it likes. It has a bounded queue of its own and never waits for
/// the network, so a slow one delays nobody. Lives as long as its socket is waited for. *Thread safety*: none; the
/// server's thread only.
class LiveClient : public std::enable_shared_from_this<LiveClient> {
public:
    LiveClient(asio::io_context& io, LiveVisitor visitor, std::shared_ptr<const LiveOptions> options);
    virtual ~LiveClient();
    LiveClient(const LiveClient&) = delete;
    LiveClient& operator=(const LiveClient&) = delete;

    /// Sends the head of the answer, and begins to read.
    void begin(std::string head);

    virtual void tell(const LiveEventPtr& event) = 0;

    /// Called often: time for a sign of life, or to give up.
    virtual void beat(base::Instant now) = 0;

    /// The server closes: says so, and is gone by `deadline`.
    virtual void farewell(base::Instant deadline) = 0;

    [[nodiscard]] bool is_gone() const noexcept { return gone_; }

protected:
    /// Sends what it can at once, and the rest later. Beyond the queue's limit: drops what has not begun to be sent,
    /// and calls on_overflow() once.
    void push(SharedBytes bytes, bool is_end = false);

    void push(std::string bytes) { push(std::make_shared<const std::string>(std::move(bytes))); }

    /// Closes, orderly, once everything is sent.
    void finish();

    /// Says that nothing more will come once everything is sent; goes on reading, so that what the client still sends
    /// is no reason for a reset which would take the last words with it.
    void half_close();

    /// Closes at once.
    void cut();

    virtual void on_bytes(std::string_view bytes) = 0;
    virtual void on_overflow() = 0;

    [[nodiscard]] const LiveOptions& options() const noexcept { return *options_; }

    [[nodiscard]] bool is_finishing() const noexcept { return finishing_; }

    /// The system has not taken all of it yet.
    [[nodiscard]] bool is_behind() const noexcept { return !queue_.empty(); }

    /// When the last bytes came from the client.
    [[nodiscard]] base::Instant heard() const noexcept { return heard_; }

    /// When the system last took bytes for it.
    [[nodiscard]] base::Instant sent() const noexcept { return sent_; }

private:
    struct Item {
        SharedBytes bytes;
        bool is_end = false;
    };

    void flush();
    bool send_some();
    void sent_front();
    void wait_until_writable();
    void wait_for_bytes();
    void read();

    asio::posix::stream_descriptor socket_;
    const std::shared_ptr<Connection> connection_;
    const std::shared_ptr<const LiveOptions> options_;
    const std::function<void()> on_end_read_;
    std::deque<Item> queue_;
    std::size_t queued_ = 0;  // bytes in the queue, those of the front that are sent included
    std::size_t offset_ = 0;  // of the front: sent
    bool waits_ = false;      // until it can send
    bool overflowed_ = false;
    bool finishing_ = false;
    bool half_closing_ = false;
    bool gone_ = false;
    base::Instant heard_ = base::now();
    base::Instant sent_ = heard_;
};

}  // namespace aiperf::api
