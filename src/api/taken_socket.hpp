#pragma once

#include "connections.hpp"
#include "listener.hpp"

#include <memory>

namespace aiperf::api {

/// A client's socket that the HTTP library has let go of, of whatever family.
struct TakenSocket {
    Descriptor socket;
    std::shared_ptr<Connection> connection;
};

}  // namespace aiperf::api
