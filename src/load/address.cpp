#include "aiperf/load/address.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

namespace aiperf::load {

namespace {

template <class Kind>
Kind& as(sockaddr_storage& storage) noexcept {
    return reinterpret_cast<Kind&>(storage);  // NOLINT: the sockets API
}

template <class Kind>
const Kind& as(const sockaddr_storage& storage) noexcept {
    return reinterpret_cast<const Kind&>(storage);  // NOLINT: the sockets API
}

}  // namespace

Address Address::of_ip(const std::string& text, std::uint16_t port) {
    Address address;
    if (::inet_pton(AF_INET, text.c_str(), &as<sockaddr_in>(address.storage).sin_addr) == 1) {
        as<sockaddr_in>(address.storage).sin_family = AF_INET;
        as<sockaddr_in>(address.storage).sin_port = htons(port);
        address.length = sizeof(sockaddr_in);
        return address;
    }
    address = {};
    if (::inet_pton(AF_INET6, text.c_str(), &as<sockaddr_in6>(address.storage).sin6_addr) == 1) {
        as<sockaddr_in6>(address.storage).sin6_family = AF_INET6;
        as<sockaddr_in6>(address.storage).sin6_port = htons(port);
        address.length = sizeof(sockaddr_in6);
        return address;
    }
    return {};
}

Address Address::of_path(const std::string& path) {
    Address address;
    auto& name = as<sockaddr_un>(address.storage);
    if (path.empty() || path.size() >= sizeof(name.sun_path)) {
        return {};
    }
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, path.data(), path.size());
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return address;
}

std::string Address::host() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    switch (family()) {
        case AF_INET: ::inet_ntop(AF_INET, &as<sockaddr_in>(storage).sin_addr, text.data(), text.size()); break;
        case AF_INET6: ::inet_ntop(AF_INET6, &as<sockaddr_in6>(storage).sin6_addr, text.data(), text.size()); break;
        case AF_UNIX: return as<sockaddr_un>(storage).sun_path;
        default: break;
    }
    return text.data();
}

std::uint16_t Address::port() const noexcept {
    switch (family()) {
        case AF_INET: return ntohs(as<sockaddr_in>(storage).sin_port);
        case AF_INET6: return ntohs(as<sockaddr_in6>(storage).sin6_port);
        default: return 0;
    }
}

}  // namespace aiperf::load
