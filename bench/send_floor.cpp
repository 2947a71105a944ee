// The two ends of bench/send_accuracy.py.
//
//     send_floor receive SECONDS    answers requests on a free port, which it prints; then the instants at which they
//                                   arrived, in ns by the kernel's stamps, one a line. Ends sooner at the end of its
//                                   standard input
//     send_floor send PORT RATE SECONDS
//                                   the least that can be done: one timerfd, one send for each expiry
//     send_floor replay PORT FILE   the same at the instants of a file: nanoseconds from the first, one a line

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr std::int64_t k_second = 1'000'000'000;
constexpr std::string_view k_request =
    "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    "\r\n{}";
constexpr std::string_view k_body =
    R"({"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant",)"
    R"("content":"Yes."},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}})";

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(1);
}

int checked(int result, const char* what) {
    if (result < 0) {
        die(what);
    }
    return result;
}

std::int64_t now_ns(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return std::int64_t{time.tv_sec} * k_second + time.tv_nsec;
}

void switch_on(int fd, int level, int option) {
    const int on = 1;
    checked(setsockopt(fd, level, option, &on, sizeof(on)), "setsockopt");
}

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

/// Reads what is there; the kernel's stamp of its newest byte. 0 = nothing, or the end.
ssize_t receive(int fd, char* buffer, std::size_t size, std::int64_t& stamp) {
    iovec piece{buffer, size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(timespec))> control{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    stamp = now_ns(CLOCK_REALTIME);
    if (const cmsghdr* part = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
        part != nullptr && part->cmsg_type == SCM_TIMESTAMPNS) {
        timespec time{};
        std::memcpy(&time, CMSG_DATA(part), sizeof(time));
        stamp = std::int64_t{time.tv_sec} * k_second + time.tv_nsec;
    }
    return got;
}

/// Requests that begin in what was read. More than one where the reader had no processor for a while.
std::size_t requests_in(std::string_view bytes) {
    std::size_t count = 0;
    for (const std::string_view line : {"POST /", "GET /"}) {
        for (std::size_t at = bytes.find(line); at != std::string_view::npos; at = bytes.find(line, at + 1)) {
            ++count;
        }
    }
    return count;
}

void accept_one(int listener, int epoll) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        switch_on(fd, IPPROTO_TCP, TCP_NODELAY);
        switch_on(fd, SOL_SOCKET, SO_TIMESTAMPNS);
        epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
        checked(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    }
}

void serve(int listener, std::int64_t until, std::vector<std::int64_t>& arrivals) {
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(k_body.size()) +
        "\r\n\r\n" + std::string(k_body);
    const int epoll = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
    epoll_event event{.events = EPOLLIN, .data = {.fd = listener}};
    checked(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event), "epoll_ctl");
    epoll_event end{.events = EPOLLIN, .data = {.fd = STDIN_FILENO}};
    static_cast<void>(epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &end));  // a file has no end to wait for
    std::array<epoll_event, 256> ready{};
    std::vector<char> buffer(64UL * 1024);
    while (now_ns(CLOCK_MONOTONIC) < until) {
        const int count = epoll_wait(epoll, ready.data(), static_cast<int>(ready.size()), 20);
        for (int i = 0; i < count; ++i) {
            const int fd = ready[static_cast<std::size_t>(i)].data.fd;
            if (fd == STDIN_FILENO) {
                return;
            }
            if (fd == listener) {
                accept_one(listener, epoll);
                continue;
            }
            std::int64_t stamp = 0;
            const ssize_t got = receive(fd, buffer.data(), buffer.size(), stamp);
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
                close(fd);
                continue;
            }
            const std::string_view bytes(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
            for (std::size_t request = requests_in(bytes); request > 0; --request) {
                arrivals.push_back(stamp);
                static_cast<void>(send(fd, answer.data(), answer.size(), MSG_NOSIGNAL));
            }
        }
    }
}

int receive_all(double seconds) {
    const int listener = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in address = loopback(0);
    socklen_t length = sizeof(address);
    checked(bind(listener, reinterpret_cast<sockaddr*>(&address), length), "bind");
    checked(listen(listener, 4096), "listen");
    checked(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
    std::printf("%u\n", static_cast<unsigned>(ntohs(address.sin_port)));
    std::fflush(stdout);
    std::vector<std::int64_t> arrivals;
    arrivals.reserve(1UL << 20U);
    serve(listener, now_ns(CLOCK_MONOTONIC) + static_cast<std::int64_t>(seconds * 1e9), arrivals);
    std::sort(arrivals.begin(), arrivals.end());
    for (const std::int64_t arrival : arrivals) {
        std::printf("%lld\n", static_cast<long long>(arrival));
    }
    return 0;
}

std::vector<int> connections_to(std::uint16_t port, std::size_t count) {
    std::vector<int> connections;
    const sockaddr_in address = loopback(port);
    for (std::size_t i = 0; i < count; ++i) {
        const int fd = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        checked(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "connect");
        switch_on(fd, IPPROTO_TCP, TCP_NODELAY);
        connections.push_back(fd);
    }
    return connections;
}

std::vector<std::int64_t> constant(double rate, double seconds) {
    std::vector<std::int64_t> instants(static_cast<std::size_t>(rate * seconds));
    for (std::size_t i = 0; i < instants.size(); ++i) {
        instants[i] = static_cast<std::int64_t>(static_cast<double>(i) * 1e9 / rate);
    }
    return instants;
}

std::vector<std::int64_t> read_instants(const std::string& path) {
    std::ifstream file(path);
    return {std::istream_iterator<std::int64_t>(file), {}};
}

int send_all(std::uint16_t port, const std::vector<std::int64_t>& instants) {
    prctl(PR_SET_TIMERSLACK, 1UL);
    const std::vector<int> connections = connections_to(port, 400);
    const int timer = checked(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create");
    const std::int64_t start = now_ns(CLOCK_MONOTONIC) + k_second / 20;
    std::array<char, 4096> answer{};
    for (std::size_t i = 0; i < instants.size(); ++i) {
        const std::int64_t due = start + instants[i];
        if (now_ns(CLOCK_MONOTONIC) < due) {
            itimerspec spec{};
            spec.it_value = {due / k_second, due % k_second};
            checked(timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, nullptr), "timerfd_settime");
            std::uint64_t expiries = 0;
            static_cast<void>(read(timer, &expiries, sizeof(expiries)));
        }
        const int fd = connections[i % connections.size()];
        if (send(fd, k_request.data(), k_request.size(), MSG_NOSIGNAL) < 0) {
            die("send");
        }
        const int next = connections[(i + 1) % connections.size()];
        static_cast<void>(recv(next, answer.data(), answer.size(), MSG_DONTWAIT));
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() == 2 && words[0] == "receive") {
        return receive_all(std::stod(words[1]));
    }
    if (words.size() == 4 && words[0] == "send") {
        return send_all(static_cast<std::uint16_t>(std::stoul(words[1])),
                        constant(std::stod(words[2]), std::stod(words[3])));
    }
    if (words.size() == 3 && words[0] == "replay") {
        return send_all(static_cast<std::uint16_t>(std::stoul(words[1])), read_instants(words[2]));
    }
    std::fputs("send_floor receive SECONDS | send PORT RATE SECONDS | replay PORT FILE\n", stderr);
    return 2;
}
