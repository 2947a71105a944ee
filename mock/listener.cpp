#include "aiperf/mock/listener.hpp"

#include "aiperf/base/error.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace aiperf::mock {

namespace {

/// An IPv4 or IPv6 address with a port.
struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }

    [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }

    [[nodiscard]] std::uint16_t port() const noexcept {
        std::uint16_t port = 0;  // at the same place in both families
        static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
        std::memcpy(&port, reinterpret_cast<const char*>(&storage) + offsetof(sockaddr_in, sin_port), sizeof port);
        return ntohs(port);
    }
};

template <class Native>
Address wrap(const Native& native) {
    Address address;
    std::memcpy(&address.storage, &native, sizeof native);
    address.size = sizeof native;
    return address;
}

Address resolve(const std::string& host, std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (::inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(), &v4.sin_addr) == 1) {
        return wrap(v4);
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
        return wrap(v6);
    }
    throw base::ConfigError("--host", host, "an IPv4 or IPv6 address, or localhost");
}

FileDescriptor bind_one(const Address& address, const std::string& name, bool share_port) {
    FileDescriptor socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) {
        throw base::SystemError("cannot open a socket", errno);
    }
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // accepted sockets inherit it
    if (share_port) {
        ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    if (::bind(socket.get(), address.get(), address.size) != 0) {
        throw base::SystemError("cannot bind " + name, errno);
    }
    return socket;
}

}  // namespace

Listeners open_listeners(const std::string& host, std::uint16_t port, unsigned count) {
    Address address = resolve(host, port);
    const std::string name = host + " port " + std::to_string(port);
    if (count > 1) {
        // Another program's shared port could be bound silently; a plain socket cannot. Its port is free then.
        const FileDescriptor probe = bind_one(address, name, false);
    }
    Listeners listeners;
    for (unsigned i = 0; i < count; ++i) {
        FileDescriptor socket = bind_one(address, name, count > 1);
        if (::listen(socket.get(), SOMAXCONN) != 0) {
            throw base::SystemError("cannot listen on " + name, errno);
        }
        if (::getsockname(socket.get(), address.get(), &address.size) != 0) {
            throw base::SystemError("cannot ask for the port", errno);
        }
        listeners.sockets.push_back(std::move(socket));  // the next ones join the port of the first
    }
    listeners.port = address.port();
    return listeners;
}

}  // namespace aiperf::mock
