#include "listener.hpp"

#include "aiperf/base/error.hpp"

#include <cerrno>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace aiperf::api {

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

std::string place(const std::string& host, std::uint16_t port) {
    const bool literal_v6 = host.find(':') != std::string::npos;
    return (literal_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

[[noreturn]] void refuse(const std::string& host, std::uint16_t port, const std::string& reason) {
    throw base::RunError("the results server cannot listen on " + place(host, port) + ": " + reason);
}

Addresses addresses_of(const std::string& host, std::uint16_t port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (error != 0) {
        refuse(host, port, error == EAI_SYSTEM ? std::generic_category().message(errno) : ::gai_strerror(error));
    }
    return {found, &::freeaddrinfo};
}

/// Port of a bound socket.
std::uint16_t port_of(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    // The port lies at the same place for both families.
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

/// 0, or the errno of the call that failed.
int open_one(const addrinfo& address, std::uint16_t port, Descriptor& out) {
    Descriptor fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) {
        return errno;
    }
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.ai_family == AF_INET6) {
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    sockaddr_storage where{};
    __builtin_memcpy(&where, address.ai_addr, address.ai_addrlen);
    reinterpret_cast<sockaddr_in*>(&where)->sin_port = htons(port);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), address.ai_addrlen) != 0 ||
        ::listen(fd.get(), SOMAXCONN) != 0) {
        return errno;
    }
    out = std::move(fd);
    return 0;
}

bool is_loopback_address(const sockaddr& address) {
    if (address.sa_family == AF_INET6) {
        return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr) != 0;
    }
    constexpr unsigned k_loopback_net = 127;
    return address.sa_family == AF_INET &&
           ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24U == k_loopback_net;
}

[[noreturn]] void refuse_path(const std::string& path, const std::string& reason) {
    throw base::RunError("the results server cannot listen on " + path + ": " + reason);
}

[[noreturn]] void refuse_path(const std::string& path) {
    refuse_path(path, std::generic_category().message(errno));
}

/// Takes away a socket that a server has left behind.
void remove_stale(const std::string& path, const sockaddr_un& address) {
    struct stat found {};

    if (::lstat(path.c_str(), &found) != 0) {
        return;
    }
    if (!S_ISSOCK(found.st_mode)) {
        refuse_path(path, "there is something that is no socket");
    }
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
        errno != ECONNREFUSED) {
        refuse_path(path, std::generic_category().message(EADDRINUSE));
    }
    static_cast<void>(::unlink(path.c_str()));
}

}  // namespace

Descriptor::~Descriptor() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

Listeners listen_on(const std::string& host, std::uint16_t port) {
    const Addresses addresses = addresses_of(host, port);
    Listeners listeners;
    listeners.port = port;
    int last_error = EADDRNOTAVAIL;
    for (const addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
        if (at->ai_family != AF_INET && at->ai_family != AF_INET6) {
            continue;
        }
        Listeners::One one;
        one.is_v6 = at->ai_family == AF_INET6;
        const int error = open_one(*at, listeners.port, one.socket);
        if (error == 0) {
            listeners.port = port_of(one.socket.get());
            listeners.loopback = listeners.loopback && is_loopback_address(*at->ai_addr);
            listeners.sockets.push_back(std::move(one));
            continue;
        }
        // Listening on one family while somebody else has the other would send half of the clients to a stranger.
        if (error == EADDRINUSE && port != 0) {
            refuse(host, port, std::generic_category().message(error));
        }
        last_error = error;
    }
    if (listeners.sockets.empty()) {
        refuse(host, port, std::generic_category().message(last_error));
    }
    return listeners;
}

std::string url_of(const std::string& host, std::uint16_t port, bool tls) {
    return (tls ? "https://" : "http://") + place(host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host, port);
}

bool is_loopback_host(const std::string& host) {
    try {
        const Addresses addresses = addresses_of(host, 0);
        for (const addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
            if (!is_loopback_address(*at->ai_addr)) {
                return false;
            }
        }
        return true;
    } catch (const base::RunError&) {
        return false;  // listening on it will fail, and say why
    }
}

SocketFile::SocketFile(std::string path)
    : path_(std::move(path)),
      socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof address.sun_path) {
        refuse_path(path_, "a socket's path has at most " + std::to_string(sizeof address.sun_path - 1) + " bytes");
    }
    path_.copy(address.sun_path, path_.size());
    remove_stale(path_, address);

    struct stat made {};

    // Nobody gets in between: connect() is refused until listen().
    if (socket_.get() < 0 || ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        refuse_path(path_);
    }
    if (::chmod(path_.c_str(), S_IRUSR | S_IWUSR) != 0 || ::lstat(path_.c_str(), &made) != 0 ||
        ::listen(socket_.get(), SOMAXCONN) != 0) {
        refuse_path(path_);
    }
    device_ = made.st_dev;
    inode_ = made.st_ino;
}

SocketFile::~SocketFile() {
    struct stat found {};

    if (::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_) {
        static_cast<void>(::unlink(path_.c_str()));
    }
}

}  // namespace aiperf::api
