#include "service_manager.hpp"

#include <cstddef>

namespace aiperf::programs {

ServiceManager::ServiceManager(std::string_view place) {
    if (place.empty() || place.size() >= sizeof address_.sun_path || (place[0] != '/' && place[0] != '@')) {
        return;
    }
    address_.sun_family = AF_UNIX;
    place.copy(address_.sun_path, place.size());
    length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place.size());
    if (place[0] == '@') {
        address_.sun_path[0] = '\0';
    }
    socket_ = process::Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

void ServiceManager::ready() noexcept {
    if (!ready_) {
        ready_ = true;
        tell("READY=1");
    }
}

void ServiceManager::status(const std::string& text) noexcept {
    if (text != status_) {
        status_ = text;
        tell("STATUS=" + text);
    }
}

void ServiceManager::stopping() noexcept {
    tell("STOPPING=1");
}

void ServiceManager::tell(std::string_view text) const noexcept {
    if (socket_) {
        static_cast<void>(::sendto(socket_.get(),
                                   text.data(),
                                   text.size(),
                                   MSG_NOSIGNAL,
                                   reinterpret_cast<const sockaddr*>(&address_),  // NOLINT: the sockets API
                                   length_));
    }
}

}  // namespace aiperf::programs
