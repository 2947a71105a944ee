#include "scripted_server.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace aiperf::test {

namespace {

constexpr std::string_view k_blank_line = "\r\n\r\n";

std::size_t content_length(const std::string& head) {
    constexpr std::string_view k_name = "Content-Length: ";
    const std::size_t at = head.find(k_name);
    std::size_t length = 0;
    if (at != std::string::npos) {
        std::from_chars(head.data() + at + k_name.size(), head.data() + head.size(), length);
    }
    return length;
}

}  // namespace

ScriptedServer::ScriptedServer(Script script)
    : script_(std::move(script)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* raw = reinterpret_cast<sockaddr*>(&address);  // NOLINT: the sockets API
    if (listener_ < 0 || wake_ < 0 || ::bind(listener_, raw, length) != 0 ||
        ::listen(listener_, script_.backlog) != 0 || ::getsockname(listener_, raw, &length) != 0) {
        throw std::runtime_error(std::string("cannot listen: ") + std::strerror(errno));
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

ScriptedServer::~ScriptedServer() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    ::eventfd_write(wake_, 1);
    thread_.join();
    for (const auto& [fd, peer] : peers_) {
        ::close(fd);
    }
    ::close(listener_);
    ::close(wake_);
}

sockaddr_storage ScriptedServer::address() const noexcept {
    sockaddr_storage storage{};
    auto& address = reinterpret_cast<sockaddr_in&>(storage);  // NOLINT: the sockets API
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return storage;
}

void ScriptedServer::release() {
    {
        const std::scoped_lock lock(mutex_);
        released_ = true;
    }
    ::eventfd_write(wake_, 1);
}

bool ScriptedServer::wait_until(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), condition);
}

bool ScriptedServer::wait_for_requests(std::size_t count) {
    return wait_until([this, count] { return requests_.size() >= count; });
}

std::vector<ScriptedServer::Request> ScriptedServer::requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
}

std::size_t ScriptedServer::connections() const {
    const std::scoped_lock lock(mutex_);
    return connections_;
}

std::size_t ScriptedServer::most_in_flight() const {
    const std::scoped_lock lock(mutex_);
    return most_in_flight_;
}

void ScriptedServer::serve() {
    while (true) {
        std::vector<pollfd> ready{{wake_, POLLIN, 0}, {script_.accepting ? listener_ : -1, POLLIN, 0}};
        std::size_t held = 0;
        for (const auto& [fd, peer] : peers_) {
            const bool holding = !peer.todo.empty() && peer.todo.front().kind == Step::Kind::hold;
            held += holding ? 1U : 0U;
            const auto wanted =
                static_cast<short>((peer.deaf ? 0 : POLLIN) | (peer.todo.empty() || holding ? 0 : POLLOUT));
            ready.push_back({fd, wanted, 0});
        }
        bool let_go = script_.gather > 0 && held >= script_.gather;
        {
            const std::scoped_lock lock(mutex_);
            if (stopping_) {
                return;
            }
            let_go = let_go || released_;
        }
        if (let_go && held > 0) {
            for (auto& [fd, peer] : peers_) {
                if (!peer.todo.empty() && peer.todo.front().kind == Step::Kind::hold) {
                    peer.todo.erase(peer.todo.begin());
                }
            }
            continue;
        }
        ::poll(ready.data(), ready.size(), -1);
        eventfd_t ignored = 0;
        ::eventfd_read(wake_, &ignored);
        for (const pollfd& entry : ready) {
            if (entry.fd == listener_ && entry.revents != 0) {
                accept_all();
            }
            const auto found = entry.revents == 0 ? peers_.end() : peers_.find(entry.fd);
            if (found == peers_.end()) {
                continue;
            }
            const bool readable = (entry.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
            if ((readable && !receive(entry.fd, found->second)) || !act(entry.fd, found->second)) {
                finish_answer(found->second);
                ::close(entry.fd);
                peers_.erase(found);
            }
        }
    }
}

void ScriptedServer::accept_all() {
    for (int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC); fd >= 0;
         fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) {
        const int yes = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
        Peer& peer = peers_[fd];
        {
            const std::scoped_lock lock(mutex_);
            peer.number = connections_++;
        }
        changed_.notify_all();
        if (script_.on_connect) {
            peer.todo = script_.on_connect(peer.number);
        }
    }
}

/// False where the peer has gone.
bool ScriptedServer::receive(int fd, Peer& peer) {
    char buffer[64 * 1024];
    while (true) {
        const ssize_t got = ::recv(fd, buffer, sizeof(buffer), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            return false;
        }
        if (got < 0) {
            break;
        }
        peer.received.append(buffer, static_cast<std::size_t>(got));
        if (script_.answer_at_head && peer.received.find(k_blank_line) != std::string::npos) {
            peer.deaf = true;  // so that the client cannot send all
            break;
        }
    }
    parse(peer);
    return true;
}

void ScriptedServer::parse(Peer& peer) {
    const std::size_t head_end = peer.received.find(k_blank_line);
    if (head_end == std::string::npos || peer.answering) {
        return;
    }
    Request request;
    request.head = peer.received.substr(0, head_end + k_blank_line.size());
    const std::size_t length = script_.answer_at_head ? 0 : content_length(request.head);
    if (peer.received.size() < request.head.size() + length) {
        return;
    }
    request.body = peer.received.substr(request.head.size(), length);
    peer.received.erase(0, request.head.size() + length);
    request.connection = peer.number;
    request.on_connection = peer.requests++;
    peer.answering = true;
    {
        const std::scoped_lock lock(mutex_);
        request.number = requests_.size();
        requests_.push_back(request);
        most_in_flight_ = std::max(most_in_flight_, ++in_flight_);
    }
    changed_.notify_all();
    const Steps steps = script_.on_request(request);
    peer.todo.insert(peer.todo.end(), steps.begin(), steps.end());
}

void ScriptedServer::finish_answer(Peer& peer) {
    if (std::exchange(peer.answering, false)) {
        const std::scoped_lock lock(mutex_);
        --in_flight_;
    }
}

/// Does what can be done without waiting. False where the connection is over.
bool ScriptedServer::act(int fd, Peer& peer) {
    while (!peer.todo.empty()) {
        Step& step = peer.todo.front();
        if (step.kind == Step::Kind::hold) {
            return true;
        }
        if (step.kind == Step::Kind::close) {
            return false;
        }
        if (step.kind == Step::Kind::reset) {
            const linger at_once{.l_onoff = 1, .l_linger = 0};
            ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
            return false;
        }
        if (step.kind == Step::Kind::half_close) {
            ::shutdown(fd, SHUT_WR);
        } else {
            // Counted down before the last byte leaves: the client may send its next request the moment it comes.
            if (peer.todo.size() == 1) {
                finish_answer(peer);
            }
            const ssize_t sent = ::send(fd, step.bytes.data(), step.bytes.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) {
                return false;
            }
            step.bytes.erase(0, sent < 0 ? 0 : static_cast<std::size_t>(sent));
            if (!step.bytes.empty()) {
                return true;
            }
        }
        peer.todo.erase(peer.todo.begin());
    }
    finish_answer(peer);
    parse(peer);
    return peer.todo.empty() || act(fd, peer);
}

}  // namespace aiperf::test
