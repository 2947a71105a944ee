#include "connections.hpp"

#include "bodies.hpp"

#include <algorithm>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace aiperf::api {

void Connection::reads(base::Instant now) noexcept {
    if (!reading) {
        reading = true;
        answered = true;
        received = 0;
        since = now;
    }
}

void Connection::got(std::size_t count, base::Instant now) noexcept {
    if (received == 0) {
        since = now;
    }
    received += count;
}

void Connection::cut() const noexcept {
    if (fd >= 0) {
        ::shutdown(fd, SHUT_RDWR);
    }
}

void Connection::say(std::string_view status, std::string_view detail) {
    if (fd < 0 || !reading || received == 0 || refused) {
        return;
    }
    refused = true;
    const std::string text = bare_refusal(status, detail);
    // A client that does not read does not get it; nothing waits for it.
    static_cast<void>(::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
}

void Connection::refuse(std::string_view status, std::string_view detail) {
    say(status, detail);
    cut();
}

void Connection::refuse_unparsed() {
    say("400 Bad Request", "This is not a request of HTTP/1.1, or a part of it is too long");
}

void Connection::drain() const noexcept {
    constexpr int k_most_reads = 16;
    char bytes[16384];
    for (int i = 0; i<k_most_reads&& ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)> 0; ++i) {
    }
}

bool Connection::has_unread() const noexcept {
    int bytes = 0;
    return fd >= 0 && ::ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

std::string bare_refusal(std::string_view status, std::string_view detail, std::string_view headers) {
    const std::string body = detail_json(std::string(detail));
    return "HTTP/1.1 " + std::string(status) + "\r\nConnection: close\r\nContent-Type: application/json\r\n" +
           std::string(headers) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::shared_ptr<Connection> Connections::add(int fd, base::Instant now) {
    forget_closed();
    auto connection = std::make_shared<Connection>();
    connection->fd = fd;
    connection->since = now;
    all_.push_back(connection);
    return connection;
}

std::size_t Connections::count() const noexcept {
    return static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(), [](const auto& c) { return c->fd >= 0; }));
}

void Connections::sweep(base::Instant now, const Limits& limits) {
    forget_closed();
    for (const auto& connection : all_) {
        if (!connection->reading) {
            continue;
        }
        if (connection->received > 0 && now - connection->since > limits.request_time) {
            connection->refuse("408 Request Timeout", "The request took too long to arrive");
        } else if (connection->received == 0 && now - connection->since > limits.idle_time) {
            connection->cut();
        }
    }
}

bool Connections::make_room() {
    forget_closed();
    std::shared_ptr<Connection> oldest;
    for (const auto& connection : all_) {
        if (connection->reading && !connection->has_unread() && (!oldest || connection->since < oldest->since)) {
            oldest = connection;
        }
    }
    if (!oldest) {
        return false;
    }
    oldest->cut();
    return true;
}

void Connections::settle(base::Instant now, base::Instant patience) {
    forget_closed();
    for (const auto& connection : all_) {
        if (!connection->reading || connection->has_unread()) {
            continue;
        }
        if ((connection->answered && connection->received == 0) || now >= patience) {
            connection->cut();
        }
    }
}

void Connections::cut_all() {
    for (const auto& connection : all_) {
        connection->cut();
    }
}

void Connections::forget_closed() {
    std::erase_if(all_, [](const auto& connection) { return connection->fd < 0; });
}

}  // namespace aiperf::api
