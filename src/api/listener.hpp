#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace aiperf::api {

/// An owned descriptor.
class Descriptor {
public:
    explicit Descriptor(int fd = -1) noexcept
        : fd_(fd) {}

    ~Descriptor();

    Descriptor(Descriptor&& other) noexcept
        : fd_(other.release()) {}

    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    [[nodiscard]] int get() const noexcept { return fd_; }

    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

/// Sockets that listen, non-blocking, one for each address of the host, all on one port.
struct Listeners {
    struct One {
        Descriptor socket;
        bool is_v6 = false;
    };

    std::vector<One> sockets;
    std::uint16_t port = 0;
    bool loopback = true;  ///< none of the addresses can be reached from another machine
};

/// Binds and listens on the addresses `host` has. An address this machine does not have is passed over; one whose port
/// is taken is not. Throws base::RunError naming HOST:PORT and the system's words.
[[nodiscard]] Listeners listen_on(const std::string& host, std::uint16_t port);

/// "http://127.0.0.1:9090" or "https://…"; IPv6 literals in brackets; for a wildcard address its loopback.
[[nodiscard]] std::string url_of(const std::string& host, std::uint16_t port, bool tls = false);

/// True for a host all of whose addresses are loopback's; false where it has none.
[[nodiscard]] bool is_loopback_host(const std::string& host);

/// A Unix socket in the file system that listens, non-blocking, for this user alone (mode 0600). Replaces one that
/// nobody listens on any more; takes its own away again in the end. *Thread safety*: none.
class SocketFile {
public:
    /// Throws base::RunError naming the path and the reason: somebody listens there, it is no socket, too long.
    explicit SocketFile(std::string path);
    ~SocketFile();
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;

    /// Gives the listening socket away.
    [[nodiscard]] Descriptor take() noexcept { return std::move(socket_); }

private:
    std::string path_;
    Descriptor socket_;
    std::uint64_t device_ = 0;  ///< and inode: whose the file is
    std::uint64_t inode_ = 0;
};

}  // namespace aiperf::api
