#pragma once

#include "connections.hpp"
#include "taken_socket.hpp"

#include <asio/associated_executor.hpp>
#include <asio/bind_executor.hpp>
#include <asio/ip/tcp.hpp>

#include <memory>
#include <utility>

namespace aiperf::api {

/// The socket the HTTP library reads and writes: asio's, which also tells its Connection what happens to it, and
/// ends orderly where the library would just close.
class TrackedSocket : public asio::ip::tcp::socket {
public:
    using Base = asio::ip::tcp::socket;

    TrackedSocket(Base socket, std::shared_ptr<Connection> connection)
        : Base(std::move(socket)),
          connection_(std::move(connection)) {}

    TrackedSocket(TrackedSocket&&) = default;
    TrackedSocket& operator=(TrackedSocket&&) = default;

    ~TrackedSocket() {
        if (connection_) {
            connection_->fd = -1;
        }
    }

    /// Waits first and then reads in the handler's own call: bytes are either unread, as Connection::has_unread()
    /// sees, or with the library, and never in between.
    template <class Buffers, class Handler>
    void async_read_some(const Buffers& buffers, Handler&& handler) {
        connection_->reads(base::now());
        auto executor = asio::get_associated_executor(handler, get_executor());
        Base::async_wait(wait_read,
                         asio::bind_executor(
                             executor,
                             // The handler keeps the library's connection, and that has this socket.
                             [this, buffers, handler = std::forward<Handler>(handler)](asio::error_code error) mutable {
                                 const std::size_t count = error ? 0 : Base::read_some(buffers, error);
                                 if (error == asio::error::would_block || error == asio::error::try_again) {
                                     async_read_some(buffers, std::move(handler));
                                     return;
                                 }
                                 if (!error) {
                                     connection_->got(count, base::now());
                                 }
                                 handler(error, count);
                             }));
    }

    /// The library ends both directions before it closes. With the receiving one still open, what the client sends
    /// meanwhile can be read away instead of being answered by a reset, which would take the last answer with it.
    void shutdown(shutdown_type, asio::error_code& error) {
        connection_->refuse_unparsed();
        Base::shutdown(shutdown_send, error);
    }

    void close() {
        connection_->drain();
        connection_->fd = -1;
        asio::error_code ignored;
        Base::close(ignored);
    }

    /// Gives the socket up, open, for somebody else to use.
    [[nodiscard]] TakenSocket take() { return {Descriptor(Base::release()), std::exchange(connection_, nullptr)}; }

private:
    std::shared_ptr<Connection> connection_;
};

}  // namespace aiperf::api
