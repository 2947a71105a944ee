#pragma once

#include <cstdint>
#include <string>
#include <sys/socket.h>

namespace aiperf::load {

/// A socket address as the system takes it: IPv4, IPv6 or the path of a Unix socket. *Thread safety*: a plain value.
struct Address {
    sockaddr_storage storage{};  ///< IPv4, IPv6 or a Unix socket's path
    socklen_t length = 0;        ///< bytes of `storage` that count

    /// As the sockets API wants it; lives as long as this object.
    [[nodiscard]] const sockaddr* get() const noexcept {
        return reinterpret_cast<const sockaddr*>(&storage);  // NOLINT: the sockets API
    }

    /// AF_INET, AF_INET6 or AF_UNIX.
    [[nodiscard]] int family() const noexcept { return storage.ss_family; }

    /// An address from its text, "127.0.0.1" or "::1"; its length is 0 where the text is none.
    [[nodiscard]] static Address of_ip(const std::string& text, std::uint16_t port);

    /// A socket in the file system. Its length is 0 where the path is empty or too long (107 bytes).
    [[nodiscard]] static Address of_path(const std::string& path);

    /// "127.0.0.1", "::1" or the path: no port.
    [[nodiscard]] std::string host() const;

    /// 1 to 65535; 0 for a Unix socket.
    [[nodiscard]] std::uint16_t port() const noexcept;
};

}  // namespace aiperf::load
