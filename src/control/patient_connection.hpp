#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/load/plan.hpp"
#include "aiperf/load/target.hpp"
#include "aiperf/process/descriptor.hpp"
#include "patient_io.hpp"

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace aiperf::control {

/// What connections before the run have in common with those of the run.
struct Manner {
    load::TlsOptions tls;
    load::SocketOptions socket;
    std::vector<load::Address> sources;

    /// A socket for a connection to `address`, from the first source of its kind. -1 = refused (errno).
    [[nodiscard]] int open_socket(const load::Address& address) const noexcept;
};

/// A connection that is asked a few questions before the run, in the way the workers' connections are made: through a
/// proxy, by TLS. Every call blocks until the deadline, looks at `cancelled`, and throws base::RunError with the reason
/// alone where it fails; the connection is closed then.
class PatientConnection {
public:
    PatientConnection(const Manner& manner, base::Instant deadline, const std::function<bool()>& cancelled);
    ~PatientConnection();
    PatientConnection(const PatientConnection&) = delete;
    PatientConnection& operator=(const PatientConnection&) = delete;

    /// Connects to the first address of `target` that takes it, up to the point where requests can be sent.
    void open(const load::Target& target, config::HttpVersion offer = config::HttpVersion::v1_1);

    /// Takes a connection to `address` that was made already; greet() comes next.
    void adopt(process::Descriptor connection, const load::Address& address);

    /// Goes through a proxy's tunnel and the handshake of TLS, where `target` has them.
    void greet(const load::Target& target, config::HttpVersion offer);

    /// The version of HTTP that TLS has agreed on: "h2", "http/1.1", or "".
    [[nodiscard]] std::string_view protocol() const noexcept { return tls_ == nullptr ? "" : tls_->protocol(); }

    /// Waits a moment for what a server says to a TLS client without being asked: tickets, or that it demands a
    /// certificate.
    void hear_refusal();

    void write(std::string_view bytes);

    /// At least a byte; 0 = the server has closed the connection.
    std::size_t read(char* out, std::size_t size);

    [[nodiscard]] bool is_open() const noexcept { return socket_.is_open(); }

    void close() noexcept;

private:
    void connect(const load::Address& address);
    void pass_tunnel(const load::Target& target);
    void shake_hands(const load::Target& target, config::HttpVersion offer);
    void flush_tls();
    void write_raw(std::string_view bytes);
    std::size_t read_raw(base::Instant deadline, const char* where_silent = "no answer in time");
    [[noreturn]] void give_up(const std::string& reason);

    const Manner& manner_;
    base::Instant deadline_;
    const std::function<bool()>& cancelled_;
    asio::io_context io_;
    asio::generic::stream_protocol::socket socket_{io_};
    std::error_code failure_;
    std::array<char, 16384> buffer_{};
    std::unique_ptr<load::TlsContext> context_;
    std::unique_ptr<load::TlsSession> tls_;
};

}  // namespace aiperf::control
