#pragma once

#include "aiperf/api/server.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::api {

/// How a client has come.
enum class Way : std::uint8_t { tcp, unix_socket, tls };

/// What the server knows of one client's socket; the HTTP library has the socket itself.
struct Connection {
    int fd = -1;               ///< -1: closed
    bool reading = true;       ///< waits for a request, or reads one; false: an answer is being made or sent
    bool answered = false;     ///< has had an answer
    std::size_t received = 0;  ///< bytes of the request being read
    base::Instant since{};     ///< begin of the silence, or of the request
    bool refused = false;      ///< was told why
    Way way = Way::tcp;
    std::string from;  ///< address of the client, without the port

    void request_arrived() noexcept { reading = false; }

    /// The library reads on.
    void reads(base::Instant now) noexcept;

    /// Bytes came.
    void got(std::size_t count, base::Instant now) noexcept;

    /// Ends the connection from outside: the library sees the end of the stream and closes.
    void cut() const noexcept;

    /// Says why, in an answer of its own, if a request had begun; then cuts.
    void refuse(std::string_view status, std::string_view detail);

    /// The library gives up a request that it could not read: says so, if nobody has yet.
    void refuse_unparsed();

    /// Reads away what lies unread, so that closing sends an orderly end and no reset.
    void drain() const noexcept;

    /// Bytes that have arrived and are not read yet.
    [[nodiscard]] bool has_unread() const noexcept;

private:
    void say(std::string_view status, std::string_view detail);
};

/// An answer for which there is no request the library knows: {"detail": …}, then the end of the connection. `headers`
/// are more lines of its head.
[[nodiscard]] std::string bare_refusal(std::string_view status, std::string_view detail, std::string_view headers = {});

/// All clients' sockets of one server. *Thread safety*: none; the server's thread only.
class Connections {
public:
    [[nodiscard]] std::shared_ptr<Connection> add(int fd, base::Instant now);

    /// Open ones.
    [[nodiscard]] std::size_t count() const noexcept;

    /// Ends those that are silent, or send a request, for too long.
    void sweep(base::Instant now, const Limits& limits);

    /// Ends the one that has been silent or sending longest. False: all are being answered.
    [[nodiscard]] bool make_room();

    /// One look while the server closes: ends those from which no request is to be expected. Those that have just
    /// connected or are in mid-request have until `patience`.
    void settle(base::Instant now, base::Instant patience);

    void cut_all();

private:
    void forget_closed();

    std::vector<std::shared_ptr<Connection>> all_;
};

}  // namespace aiperf::api
