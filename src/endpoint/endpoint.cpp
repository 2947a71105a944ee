#include "aiperf/endpoint/endpoint.hpp"

#include "aiperf/base/error.hpp"
#include "endpoints.hpp"

namespace aiperf::endpoint {

const Endpoint& endpoint_of(config::EndpointType type) {
    switch (type) {
        case config::EndpointType::chat: return chat();
        case config::EndpointType::completions: return completions();
    }
    throw base::ConfigError("--endpoint-type", std::to_string(static_cast<int>(type)), "chat or completions is");
}

}  // namespace aiperf::endpoint
