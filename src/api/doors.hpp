#pragma once

#include "aiperf/api/server.hpp"
#include "connections.hpp"
#include "listener.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace spdlog {
class logger;
}

namespace aiperf::api {

class TlsFront;

/// A client that has just come. What it sends is plain HTTP, whatever it came by.
struct Visitor {
    Descriptor socket;
    asio::ip::tcp::endpoint peer;  ///< no two that are connected have the same; made up where there is none
    std::string from;              ///< its address, without the port; "" by the Unix socket
    Way way = Way::tcp;
};

/// The sockets on which a server listens: TCP with or without TLS, a Unix socket, or both. *Thread safety*: none.
class Doors {
public:
    using Welcome = std::function<void(Visitor)>;

    /// Binds and listens. Throws base::RunError naming the place and the reason.
    Doors(asio::io_context& io, const ServerOptions& options, std::shared_ptr<spdlog::logger> logger);
    ~Doors();
    Doors(const Doors&) = delete;
    Doors& operator=(const Doors&) = delete;

    /// "http://127.0.0.1:9090", "https://…", or "unix:///path" where there is no TCP.
    [[nodiscard]] const std::string& url() const noexcept { return url_; }

    /// 0 without TCP.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// True where nobody but this machine gets in by TCP.
    [[nodiscard]] bool is_loopback() const noexcept { return loopback_; }

    /// Lets clients in from now on.
    void open(Welcome welcome);

    /// Goes on where descriptors were too few.
    void go_on();

    /// Nobody new gets in; those that are in the queues, connected already, are let in first.
    void close();

    /// Clients that are not with the server: in a handshake of TLS, or with their last bytes on the way.
    [[nodiscard]] std::size_t count() const noexcept;

    /// Ends handshakes of TLS.
    void end_handshakes();

    void cut_all();

private:
    struct Door {
        asio::posix::stream_descriptor listener;
        Way way;
        bool paused = false;  ///< had no descriptor for its next client
    };

    void add(Descriptor socket, Way way);
    void wait(Door& door);
    void accept_all(Door& door);
    void let_in(Descriptor socket, asio::ip::tcp::endpoint peer, Way way);
    [[nodiscard]] asio::ip::tcp::endpoint make_up_peer();

    asio::io_context& io_;
    std::shared_ptr<spdlog::logger> logger_;
    std::unique_ptr<SocketFile> socket_file_;
    std::unique_ptr<TlsFront> tls_;  // null: plain
    std::list<Door> doors_;
    Welcome welcome_;
    std::string url_;
    std::uint16_t port_ = 0;
    bool loopback_ = true;
    std::uint64_t made_up_ = 0;
};

}  // namespace aiperf::api
