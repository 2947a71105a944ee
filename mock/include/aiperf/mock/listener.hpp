#pragma once

#include "aiperf/mock/file_descriptor.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace aiperf::mock {

/// Sockets listening on one address.
struct Listeners {
    std::vector<FileDescriptor> sockets;
    std::uint16_t port = 0;
};

/// Opens `count` non-blocking listeners on host and port (0: the system chooses); with more than one, the system
/// spreads connections over them. Throws base::ConfigError where host is no address, base::SystemError where it cannot
/// be bound.
[[nodiscard]] Listeners open_listeners(const std::string& host, std::uint16_t port, unsigned count);

}  // namespace aiperf::mock
