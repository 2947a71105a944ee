#include "aiperf/load/socket.hpp"

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include <utility>

namespace aiperf::load {

int open_socket(const Address& address, const SocketOptions& options, const Address* source) noexcept {
    const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fd;
    }
    const auto set = [fd](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof(value)); };
    for (const auto& [option, bytes] :
         {std::pair(SO_RCVBUF, options.receive_buffer_bytes), std::pair(SO_SNDBUF, options.send_buffer_bytes)}) {
        if (bytes > 0) {
            set(SOL_SOCKET, option, bytes);
        }
    }
    if (options.receive_stamps) {
        set(SOL_SOCKET, SO_TIMESTAMPNS, 1);
    }
    if (address.family() == AF_UNIX) {
        return fd;
    }
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, options.keepalive_idle_s);
    set(IPPROTO_TCP, TCP_KEEPINTVL, options.keepalive_interval_s);
    set(IPPROTO_TCP, TCP_KEEPCNT, options.keepalive_count);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, options.user_timeout_ms);
    if (source != nullptr) {
        // The port is chosen at connect: one source has as many as there are peers to tell apart.
        set(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        if (::bind(fd, source->get(), source->length) != 0) {
            const int number = errno;
            ::close(fd);
            errno = number;
            return -1;
        }
    }
    return fd;
}

int connect_error(int fd) noexcept {
    int number = 0;
    socklen_t size = sizeof(number);
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size);
    return number;
}

}  // namespace aiperf::load
