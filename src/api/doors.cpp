#include "doors.hpp"

#include "tls_front.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <linux/filter.h>
#include <sys/socket.h>
#include <system_error>
#include <utility>

namespace aiperf::api {

namespace {

using asio::ip::tcp;

/// From now on nobody connects: first packets (SYN) are dropped, as a system does with those that come too fast; the
/// next try, a second later, is answered by the listener's being gone. Who has had an answer to his is let in. A
/// listener that is just closed resets whoever comes between the last accept() and its end.
void stop_knocking(int listener, Way way) {
    if (way == Way::unix_socket) {
        ::shutdown(listener, SHUT_RDWR);  // connect() is refused, the queue stays
        return;
    }
    constexpr unsigned k_flags_at = 13;  // in the head of TCP, which is what the filter sees
    constexpr unsigned k_syn = 2;
    std::array<sock_filter, 4> no_syn{{{BPF_LD | BPF_B | BPF_ABS, 0, 0, k_flags_at},
                                       {BPF_JMP | BPF_JSET | BPF_K, 0, 1, k_syn},
                                       {BPF_RET | BPF_K, 0, 0, 0},
                                       {BPF_RET | BPF_K, 0, 0, UINT32_MAX}}};
    const sock_fprog program{static_cast<unsigned short>(no_syn.size()), no_syn.data()};
    static_cast<void>(::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
}

}  // namespace

Doors::Doors(asio::io_context& io, const ServerOptions& options, std::shared_ptr<spdlog::logger> logger)
    : io_(io),
      logger_(std::move(logger)) {
    const AccessOptions& access = options.access;
    if (!access.tls_certificate.empty() && access.tcp) {
        tls_ =
            std::make_unique<TlsFront>(io, access, options.limits, [this](Descriptor socket, const std::string& from) {
                welcome_({std::move(socket), make_up_peer(), from, Way::tls});
            });
    }
    if (!access.socket.empty()) {
        socket_file_ = std::make_unique<SocketFile>(access.socket);
        add(socket_file_->take(), Way::unix_socket);
        url_ = "unix://" + access.socket;
    }
    if (access.tcp) {
        Listeners listeners = listen_on(options.host, options.port);
        port_ = listeners.port;
        loopback_ = listeners.loopback;
        url_ = url_of(options.host, port_, tls_ != nullptr);
        for (Listeners::One& one : listeners.sockets) {
            add(std::move(one.socket), tls_ ? Way::tls : Way::tcp);
        }
    }
}

Doors::~Doors() = default;

void Doors::add(Descriptor socket, Way way) {
    doors_.push_back({asio::posix::stream_descriptor(io_, socket.release()), way});
}

void Doors::open(Welcome welcome) {
    welcome_ = std::move(welcome);
    for (Door& door : doors_) {
        wait(door);
    }
}

void Doors::wait(Door& door) {
    door.listener.async_wait(asio::posix::stream_descriptor::wait_read, [this, &door](const asio::error_code& error) {
        if (!error && door.listener.is_open()) {
            accept_all(door);
            if (!door.paused) {
                wait(door);
            }
        }
    });
}

void Doors::go_on() {
    for (Door& door : doors_) {
        if (std::exchange(door.paused, false)) {
            wait(door);
        }
    }
}

void Doors::accept_all(Door& door) {
    while (true) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        const int fd = ::accept4(
            door.listener.native_handle(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            tcp::endpoint peer;
            if (door.way == Way::unix_socket) {
                peer = make_up_peer();
            } else {
                std::copy_n(reinterpret_cast<const char*>(&address), size, reinterpret_cast<char*>(peer.data()));
                peer.resize(size);
            }
            let_in(Descriptor(fd), std::move(peer), door.way);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINVAL) {
            return;  // EINVAL: the queue is empty and nobody can knock any more
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            logger_->warn("results server cannot accept: {}", std::generic_category().message(errno));
            door.paused = true;
            return;
        }
        // Others are of one client that is gone again.
    }
}

void Doors::let_in(Descriptor socket, tcp::endpoint peer, Way way) {
    std::string from = way == Way::unix_socket ? std::string{} : peer.address().to_string();
    if (way == Way::tls) {
        tls_->take(std::move(socket), std::move(from));
    } else {
        welcome_({std::move(socket), std::move(peer), std::move(from), way});
    }
}

/// An address that no client can have (100::/64 is for discarding).
tcp::endpoint Doors::make_up_peer() {
    asio::ip::address_v6::bytes_type bytes{0x01};
    std::uint64_t number = ++made_up_;
    for (auto at = bytes.rbegin(); number > 0; ++at, number >>= 8U) {
        *at = static_cast<unsigned char>(number & 0xffU);
    }
    return {asio::ip::address_v6(bytes), 0};
}

void Doors::close() {
    socket_file_.reset();  // its name goes first
    for (Door& door : doors_) {
        stop_knocking(door.listener.native_handle(), door.way);
        accept_all(door);
        asio::error_code ignored;
        door.listener.close(ignored);
    }
}

std::size_t Doors::count() const noexcept {
    return tls_ ? tls_->count() : 0;
}

void Doors::end_handshakes() {
    if (tls_) {
        tls_->end_handshakes();
    }
}

void Doors::cut_all() {
    if (tls_) {
        tls_->cut_all();
    }
}

}  // namespace aiperf::api
