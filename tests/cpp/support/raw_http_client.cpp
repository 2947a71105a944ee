#include "raw_http_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <system_error>
#include <unistd.h>

namespace aiperf::test {

namespace {

constexpr timeval k_hang_limit{20, 0};

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::generic_category().message(errno));
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    return text;
}

}  // namespace

std::optional<std::string> RawAnswer::header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers) {
        if (lower(name) == lower_case_name) {
            return value;
        }
    }
    return std::nullopt;
}

RawHttpClient::RawHttpClient(std::uint16_t port)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &k_hang_limit, sizeof k_hang_limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &k_hang_limit, sizeof k_hang_limit);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        const int error = errno;
        ::close(socket_);
        errno = error;
        fail("connect");
    }
}

RawHttpClient::~RawHttpClient() {
    close();
}

void RawHttpClient::close() {
    if (socket_ >= 0) {
        ::close(std::exchange(socket_, -1));
    }
}

void RawHttpClient::finish_sending() {
    ::shutdown(socket_, SHUT_WR);
}

void RawHttpClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && (errno == ECONNRESET || errno == EPIPE)) {
            was_reset_ = true;
            return;
        }
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            fail("send");
        }
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

void RawHttpClient::request(std::string_view method,
                            std::string_view target,
                            std::string_view body,
                            std::string_view extra_headers) {
    std::string text(method);
    text += " ";
    text += target;
    text += " HTTP/1.1\r\nHost: localhost\r\n";
    text += extra_headers;
    if (!body.empty()) {
        text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    }
    text += "\r\n";
    text += body;
    send(text);
}

std::string RawHttpClient::read_some() {
    if (!buffer_.empty()) {
        return std::exchange(buffer_, {});
    }
    std::string bytes(64U << 10U, '\0');
    ssize_t count = 0;
    do {
        count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == ECONNRESET) {
        was_reset_ = true;
        return {};
    }
    if (count < 0) {
        fail("recv");
    }
    bytes.resize(static_cast<std::size_t>(count));
    return bytes;
}

bool RawHttpClient::ends() {
    return read_some().empty();
}

bool RawHttpClient::need(std::size_t size) {
    while (buffer_.size() < size) {
        std::string held = std::exchange(buffer_, {});
        const std::string more = read_some();
        buffer_ = std::move(held) + more;
        if (more.empty()) {
            return false;
        }
    }
    return true;
}

bool RawHttpClient::read_line(std::string& line) {
    std::size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!need(buffer_.size() + 1)) {
            return false;
        }
    }
    line = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return true;
}

bool RawHttpClient::read_head(RawAnswer& answer) {
    std::string line;
    while (read_line(line)) {
        answer.head += line + "\r\n";
        if (line.empty()) {
            return true;
        }
        const std::size_t colon = line.find(": ");
        if (answer.status == 0) {
            answer.status = std::stoi(line.substr(line.find(' ') + 1, 3));
        } else if (colon != std::string::npos) {
            answer.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
        }
    }
    return false;
}

void RawHttpClient::read_chunked(RawAnswer& answer) {
    std::string line;
    while (read_line(line)) {
        const std::size_t size = std::stoul(line, nullptr, 16);
        if (!need(size + 2)) {
            return;
        }
        if (size == 0) {
            buffer_.erase(0, 2);
            answer.complete = true;
            return;
        }
        answer.chunks.push_back(buffer_.substr(0, size));
        answer.chunk_times.push_back(std::chrono::steady_clock::now());
        answer.body += answer.chunks.back();
        buffer_.erase(0, size + 2);
    }
}

RawAnswer RawHttpClient::read_answer(bool head_only) {
    RawAnswer answer;
    if (!read_head(answer)) {
        return answer;
    }
    if (head_only || answer.status < 200 || answer.status == 204 || answer.status == 304) {
        answer.complete = true;
    } else if (answer.header("transfer-encoding")) {
        read_chunked(answer);
    } else if (const auto length = answer.header("content-length")) {
        const std::size_t size = std::stoul(*length);
        answer.complete = need(size);
        answer.body = buffer_.substr(0, size);
        buffer_.erase(0, std::min(size, buffer_.size()));
    } else {
        while (need(buffer_.size() + 1)) {
        }
        answer.body = std::exchange(buffer_, {});
        answer.complete = !was_reset_;
    }
    return answer;
}

}  // namespace aiperf::test
