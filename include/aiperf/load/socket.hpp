#pragma once

#include "aiperf/load/address.hpp"

namespace aiperf::load {

/// Socket options of the client's connections.
struct SocketOptions {
    int keepalive_idle_s = 60;      ///< seconds of silence before the first probe
    int keepalive_interval_s = 30;  ///< seconds between probes
    int keepalive_count = 1;        ///< probes without an answer that end it
    int user_timeout_ms = 30'000;   ///< milliseconds sent bytes may stay unacknowledged
    int receive_buffer_bytes = 0;   ///< 0 = the system's own, which adapts
    int send_buffer_bytes = 0;      ///< 0 = the system's own, which adapts
    bool receive_stamps = false;    ///< the kernel notes when bytes arrived
};

/// A non-blocking socket for a connection to `address`; `source`, where given, is what it leaves from. -1 and errno
/// where the system refuses. Options that the system does not take are left out: they change no result.
[[nodiscard]] int open_socket(const Address& address, const SocketOptions& options, const Address* source) noexcept;

/// What has become of a connection attempt: 0, or the error.
[[nodiscard]] int connect_error(int fd) noexcept;

}  // namespace aiperf::load
