#include "patient_connection.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/load/error_text.hpp"

#include <asio/buffer.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <cerrno>

namespace aiperf::control {

namespace {

using asio::generic::stream_protocol;
using Outcome = load::TlsSession::Outcome;

constexpr auto k_moment = std::chrono::milliseconds(250);

}  // namespace

int Manner::open_socket(const load::Address& address) const noexcept {
    const auto source = std::find_if(
        sources.begin(), sources.end(), [&](const load::Address& each) { return each.family() == address.family(); });
    return load::open_socket(address, socket, source == sources.end() ? nullptr : &*source);
}

PatientConnection::PatientConnection(const Manner& manner,
                                     base::Instant deadline,
                                     const std::function<bool()>& cancelled)
    : manner_(manner),
      deadline_(deadline),
      cancelled_(cancelled) {}

PatientConnection::~PatientConnection() {
    close();
}

void PatientConnection::open(const load::Target& target, config::HttpVersion offer) {
    for (std::size_t at = 0;; ++at) {
        try {
            connect(target.addresses.at(at));
            break;
        } catch (const base::RunError&) {
            if (at + 1 >= target.addresses.size()) {
                throw;
            }
        }
    }
    greet(target, offer);
}

void PatientConnection::adopt(process::Descriptor connection, const load::Address& address) {
    socket_.assign(stream_protocol(address.family(), 0), connection.release());
}

void PatientConnection::greet(const load::Target& target, config::HttpVersion offer) {
    if (!target.tunnel.empty()) {
        pass_tunnel(target);
    }
    if (target.tls) {
        shake_hands(target, offer);
    }
}

void PatientConnection::connect(const load::Address& address) {
    const int fd = manner_.open_socket(address);
    if (fd < 0) {
        give_up(std::generic_category().message(errno));
    }
    socket_.assign(stream_protocol(address.family(), 0), fd);
    socket_.async_connect(stream_protocol::endpoint(address.get(), address.length),
                          [this](const std::error_code& error) { failure_ = error; });
    if (!run_until(io_, deadline_, cancelled_)) {
        give_up("no answer in time");
    }
    if (failure_) {
        give_up(failure_.message());
    }
}

void PatientConnection::pass_tunnel(const load::Target& target) {
    constexpr std::size_t k_longest = 16UL * 1024;
    write_raw(target.tunnel);
    std::string answer;
    while (answer.find("\r\n\r\n") == std::string::npos && answer.size() < k_longest) {
        const std::size_t got = read_raw(deadline_);
        if (got == 0) {
            break;
        }
        answer.append(buffer_.data(), got);
    }
    if (!answer.starts_with("HTTP/1.") || answer.size() < 12 || answer[9] != '2') {
        const std::string line = answer.substr(0, answer.find('\r'));
        give_up("the proxy " + target.proxy + " says " + (line.empty() ? "nothing" : load::python_repr(line)));
    }
}

void PatientConnection::shake_hands(const load::Target& target, config::HttpVersion offer) {
    context_ = std::make_unique<load::TlsContext>(manner_.tls);
    tls_ = std::make_unique<load::TlsSession>(*context_, target.host, 0, offer);
    while (true) {
        const Outcome outcome = tls_->handshake();
        flush_tls();
        if (outcome == Outcome::bytes) {
            return;
        }
        if (outcome != Outcome::more) {
            give_up("TLS: " + tls_->error());
        }
        const std::size_t got =
            read_raw(deadline_, "TLS: no answer to the handshake in time: does the server speak TLS there?");
        if (got == 0) {
            give_up("TLS: the server closed the connection within the handshake");
        }
        tls_->give(buffer_.data(), got);
    }
}

void PatientConnection::hear_refusal() {
    if (tls_ == nullptr) {
        return;
    }
    const std::size_t got = read_raw(std::min(deadline_, base::now() + k_moment));
    if (got == 0) {
        return;  // nothing to say, or closed: the first request will tell
    }
    tls_->give(buffer_.data(), got);
    std::array<char, 1024> plain{};
    std::size_t size = 0;
    if (tls_->read(plain.data(), plain.size(), size) == Outcome::failed) {
        give_up("TLS: " + tls_->error());
    }
}

void PatientConnection::write(std::string_view bytes) {
    if (tls_ == nullptr) {
        return write_raw(bytes);
    }
    if (!tls_->write(bytes)) {
        give_up("TLS: " + tls_->error());
    }
    flush_tls();
}

std::size_t PatientConnection::read(char* out, std::size_t size) {
    if (tls_ == nullptr) {
        const std::size_t got = std::min(read_raw(deadline_), size);
        std::copy_n(buffer_.data(), got, out);
        return got;
    }
    while (true) {
        std::size_t got = 0;
        switch (tls_->read(out, size, got)) {
            case Outcome::bytes: return got;
            case Outcome::closed: return 0;
            case Outcome::failed: give_up("TLS: " + tls_->error());
            case Outcome::more: break;
        }
        const std::size_t raw = read_raw(deadline_);
        if (raw == 0) {
            return 0;
        }
        tls_->give(buffer_.data(), raw);
    }
}

void PatientConnection::flush_tls() {
    const std::string output = std::exchange(tls_->output(), {});
    if (!output.empty()) {
        write_raw(output);
    }
}

void PatientConnection::write_raw(std::string_view bytes) {
    asio::async_write(socket_,
                      asio::buffer(bytes.data(), bytes.size()),
                      [this](const std::error_code& error, std::size_t /*size*/) { failure_ = error; });
    if (!run_until(io_, deadline_, cancelled_)) {
        give_up("no answer in time");
    }
    if (failure_) {
        give_up(failure_.message());
    }
}

/// Bytes in the buffer; 0 = closed, or nothing before a `deadline` that is not the connection's own.
std::size_t PatientConnection::read_raw(base::Instant deadline, const char* where_silent) {
    std::size_t got = 0;
    socket_.async_read_some(asio::buffer(buffer_.data(), std::min<std::size_t>(buffer_.size(), 16384)),
                            [&](const std::error_code& error, std::size_t size) {
                                failure_ = error;
                                got = size;
                            });
    if (!run_until(io_, deadline, cancelled_)) {
        if (deadline >= deadline_ || cancelled_()) {
            give_up(where_silent);
        }
        std::error_code ignored;
        socket_.cancel(ignored);
        io_.restart();
        io_.run();
        return got;
    }
    if (failure_ && failure_ != asio::error::eof) {
        give_up(failure_.message());
    }
    return got;
}

void PatientConnection::close() noexcept {
    std::error_code ignored;
    socket_.close(ignored);
}

/// The handlers refer to what the callers hold: they have run when this ends.
void PatientConnection::give_up(const std::string& reason) {
    close();
    io_.restart();
    io_.run();
    tls_.reset();
    throw base::RunError(reason);
}

}  // namespace aiperf::control
