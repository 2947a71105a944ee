#pragma once

#include "aiperf/api/server.hpp"
#include "listener.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace asio {
class io_context;
}

namespace aiperf::api {

/// Speaks TLS with clients and carries what they say, in plain, to a server that knows nothing of it: each client that
/// has shaken hands becomes one end of a pair of sockets. So whatever the server does (kept connections, WebSockets,
/// downloads, its closing in steps) is the same with and without TLS. *Thread safety*: none; the server's thread only.
class TlsFront {
public:
    /// Takes the server's end of a pair; `from` as it was given to take().
    using HandOver = std::function<void(Descriptor socket, const std::string& from)>;

    /// Throws base::RunError, naming setting and file, where certificate or key cannot be used.
    TlsFront(asio::io_context& io, const AccessOptions& options, const Limits& limits, HandOver hand_over);
    ~TlsFront();
    TlsFront(const TlsFront&) = delete;
    TlsFront& operator=(const TlsFront&) = delete;

    /// Takes over a TCP connection that was just accepted, and shakes hands; longer than Limits::request_time it is
    /// not waited for. With Limits::connections under way the one that has been shaking hands longest gives way, or
    /// this one where there is none.
    void take(Descriptor socket, std::string from);

    /// Clients that are shaking hands, or whose last bytes are on their way.
    [[nodiscard]] std::size_t count() const noexcept;

    /// Ends those that have not shaken hands yet.
    void end_handshakes();

    void cut_all();

private:
    class Relay;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aiperf::api
