#include "tls_front.hpp"

#include "aiperf/base/error.hpp"

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <openssl/err.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace aiperf::api {

namespace {

using asio::ip::tcp;
using asio::ssl::stream_base;
using Local = asio::local::stream_protocol;

constexpr auto k_goodbye = std::chrono::milliseconds(300);  // for a client to say that it has heard the end
constexpr std::size_t k_piece = 16UL * 1024;                // what fits into a record

void check(const char* setting, const std::string& path, const asio::error_code& error) {
    if (error) {
        const bool unreadable = ::access(path.c_str(), R_OK) != 0;
        throw base::RunError(std::string(setting) + ": '" + path + "' cannot be used: " +
                             (unreadable ? std::generic_category().message(errno) : error.message()));
    }
}

/// TLS 1.2 on. A wrong protocol is found by the first bytes.
asio::ssl::context context_of(const AccessOptions& options) {
    constexpr const char* k_certificate = "AIPERF_API_SERVER_TLS_CERT";
    constexpr const char* k_key = "AIPERF_API_SERVER_TLS_KEY";
    asio::ssl::context context(asio::ssl::context::tls_server);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
    asio::error_code error;
    context.use_certificate_chain_file(options.tls_certificate, error);
    check(k_certificate, options.tls_certificate, error);
    const bool has_own_file = !options.tls_key.empty();
    const std::string& key = has_own_file ? options.tls_key : options.tls_certificate;
    context.use_private_key_file(key, asio::ssl::context::pem, error);
    check(has_own_file ? k_key : k_certificate, key, error);
    return context;
}

}  // namespace

/// One client: a TLS stream outside, one end of a pair inside, bytes carried both ways until one side ends.
class TlsFront::Relay : public std::enable_shared_from_this<TlsFront::Relay> {
public:
    Relay(Impl& front, tcp::socket socket, std::string from);

    void begin();
    void close();

    [[nodiscard]] bool is_shaking_hands() const noexcept { return !inside_.is_open(); }

private:
    void after_handshake(const asio::error_code& error);
    void read_outside();
    void read_inside();
    void say_goodbye();
    void limit(base::Nanoseconds time);

    Impl& front_;
    asio::ssl::stream<tcp::socket> outside_;
    Local::socket inside_;
    asio::steady_timer timer_;
    base::Instant limit_ = base::Instant::max();
    std::string from_;
    std::array<char, k_piece> coming_{};
    std::array<char, k_piece> going_{};
};

struct TlsFront::Impl {
    asio::io_context& io;
    asio::ssl::context context;
    Limits limits;
    HandOver hand_over;
    std::list<std::shared_ptr<Relay>> relays;  // oldest first

    Impl(asio::io_context& loop, asio::ssl::context made, const Limits& bounds, HandOver taker)
        : io(loop),
          context(std::move(made)),
          limits(bounds),
          hand_over(std::move(taker)) {}

    /// False: all that are there have a right to stay.
    [[nodiscard]] bool make_room() {
        if (relays.size() < limits.connections) {
            return true;
        }
        const auto oldest =
            std::find_if(relays.begin(), relays.end(), [](const auto& relay) { return relay->is_shaking_hands(); });
        if (oldest == relays.end()) {
            return false;
        }
        const std::shared_ptr<Relay> leaving = *oldest;
        relays.erase(oldest);
        leaving->close();
        return true;
    }
};

TlsFront::Relay::Relay(Impl& front, tcp::socket socket, std::string from)
    : front_(front),
      outside_(std::move(socket), front.context),
      inside_(front.io),
      timer_(front.io),
      from_(std::move(from)) {}

void TlsFront::Relay::begin() {
    limit(front_.limits.request_time);
    outside_.async_handshake(stream_base::server, [self = shared_from_this()](const asio::error_code& error) {
        self->after_handshake(error);
    });
}

void TlsFront::Relay::after_handshake(const asio::error_code& error) {
    int ends[2] = {-1, -1};
    if (error || limit_ == base::Instant::min() ||
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        close();
        return;
    }
    limit_ = base::Instant::max();
    Descriptor server(ends[1]);
    inside_.assign(Local(), ends[0]);
    front_.hand_over(std::move(server), from_);
    read_outside();
    read_inside();
}

/// From the client to the server. Its end is an end of what it sends and no more: an answer may be on its way.
void TlsFront::Relay::read_outside() {
    outside_.async_read_some(asio::buffer(coming_),
                             [self = shared_from_this()](const asio::error_code& error, std::size_t size) {
                                 if (error) {
                                     asio::error_code ignored;
                                     self->inside_.shutdown(Local::socket::shutdown_send, ignored);
                                     return;
                                 }
                                 asio::async_write(self->inside_,
                                                   asio::buffer(self->coming_.data(), size),
                                                   [self](const asio::error_code& failure, std::size_t /*size*/) {
                                                       if (!failure) {
                                                           self->read_outside();
                                                       }
                                                   });
                             });
}

/// From the server to the client. Its end is the connection's.
void TlsFront::Relay::read_inside() {
    inside_.async_read_some(asio::buffer(going_),
                            [self = shared_from_this()](const asio::error_code& error, std::size_t size) {
                                if (error) {
                                    self->say_goodbye();
                                    return;
                                }
                                self->limit(self->front_.limits.write_time);
                                asio::async_write(self->outside_,
                                                  asio::buffer(self->going_.data(), size),
                                                  [self](const asio::error_code& failure, std::size_t /*size*/) {
                                                      if (failure) {
                                                          self->close();
                                                          return;
                                                      }
                                                      self->limit_ = base::Instant::max();
                                                      self->read_inside();
                                                  });
                            });
}

/// The client is told by TLS that nothing was cut off.
void TlsFront::Relay::say_goodbye() {
    if (limit_ == base::Instant::min()) {
        return;  // closed
    }
    limit(k_goodbye);
    outside_.async_shutdown([self = shared_from_this()](const asio::error_code& /*error*/) {
        asio::error_code ignored;
        self->outside_.next_layer().shutdown(tcp::socket::shutdown_send, ignored);
        self->close();
    });
}

void TlsFront::Relay::limit(base::Nanoseconds time) {
    limit_ = base::now() + time;
    timer_.expires_after(time);
    timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
        const auto self = weak.lock();
        if (self && !error && base::now() >= self->limit_) {
            self->close();
        }
    });
}

void TlsFront::Relay::close() {
    limit_ = base::Instant::min();
    asio::error_code ignored;
    timer_.cancel();
    inside_.close(ignored);
    outside_.next_layer().close(ignored);
    // Whoever calls may be going through the list, or be in mid-call of this.
    asio::post(front_.io, [self = shared_from_this()] { self->front_.relays.remove(self); });
}

TlsFront::TlsFront(asio::io_context& io, const AccessOptions& options, const Limits& limits, HandOver hand_over)
    : impl_(std::make_unique<Impl>(io, context_of(options), limits, std::move(hand_over))) {}

TlsFront::~TlsFront() = default;

void TlsFront::take(Descriptor socket, std::string from) {
    if (!impl_->make_room()) {
        return;
    }
    tcp::socket outside(impl_->io);
    asio::error_code error;
    outside.assign(tcp::v4(), socket.get(), error);
    if (!error) {
        static_cast<void>(socket.release());
        impl_->relays.push_back(std::make_shared<Relay>(*impl_, std::move(outside), std::move(from)));
        impl_->relays.back()->begin();
    }
}

std::size_t TlsFront::count() const noexcept {
    return impl_->relays.size();
}

void TlsFront::end_handshakes() {
    for (const auto& relay : impl_->relays) {
        if (relay->is_shaking_hands()) {
            relay->close();
        }
    }
}

void TlsFront::cut_all() {
    for (const auto& relay : impl_->relays) {
        relay->close();
    }
}

}  // namespace aiperf::api
