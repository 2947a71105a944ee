#pragma once

#include "aiperf/config/run_config.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace aiperf::load {

/// How connections are protected. Files are PEM.
struct TlsOptions {
    bool verify = true;        ///< the server's certificate and name; off = anybody is believed
    std::string ca_file;       ///< authorities to trust; both empty = the system's
    std::string ca_directory;  ///< the same, hashed as by `openssl rehash`
    std::string certificate;   ///< of the client, with what leads to its authority; empty = none
    std::string key;           ///< of that certificate; empty = in the same file
    config::TlsVersion minimum = config::TlsVersion::v1_2;  ///< the oldest version spoken
};

/// Certificates and settings that connections share, and the sessions servers gave to be resumed by the next
/// connection to the same target. *Thread safety*: none; each worker has its own.
class TlsContext {
public:
    /// Throws base::RunError, naming the file, where one cannot be used.
    explicit TlsContext(const TlsOptions& options);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

private:
    friend class TlsSession;
    friend struct TlsWire;
    struct State;
    std::unique_ptr<State> state_;
};

/// One connection's TLS, without a socket: ciphertext goes in and out as bytes, so the worker reads and writes its
/// sockets in one way, with one rule for edges and one place for stamps, whatever is on top; one read of the socket
/// serves many records. *Thread safety*: none. *Lifetime*: `context` outlives it.
class TlsSession {
public:
    /// What a call has come to.
    enum class Outcome : std::uint8_t {
        more,    ///< goes on when more bytes have come
        bytes,   ///< some plain bytes were read, or the handshake is complete
        closed,  ///< the peer said that nothing follows (close_notify)
        failed,  ///< see error()
    };

    /// For a connection to `host` (a name or an address), which the certificate must be for. `slot` tells the targets
    /// apart whose sessions are kept; `offer`: versions of HTTP (ALPN).
    TlsSession(TlsContext& context, const std::string& host, std::size_t slot, config::HttpVersion offer);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    /// Ciphertext for the next calls; it must stay until they return `more`.
    void give(const char* data, std::size_t size) noexcept;

    /// Goes on with the handshake.
    Outcome handshake();

    /// Decrypts up to `size` bytes of what was given.
    Outcome read(char* out, std::size_t size, std::size_t& got);

    /// Encrypts all of `plain` into output(). False = failed.
    bool write(std::string_view plain);

    /// Says to the peer that nothing follows.
    void close();

    /// Ciphertext to be sent. The caller empties it.
    [[nodiscard]] std::string& output() noexcept { return output_; }

    /// True where an earlier connection's session was taken up again.
    [[nodiscard]] bool resumed() const noexcept;

    /// "h2", "http/1.1", or "" where the server did not choose.
    [[nodiscard]] std::string_view protocol() const noexcept;

    /// What went wrong, with what may be done, in one sentence.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

    /// The failure is one of the server's certificate.
    [[nodiscard]] bool bad_certificate() const noexcept { return bad_certificate_; }

private:
    friend struct TlsWire;
    struct Handle;

    Outcome fail(int result);

    TlsContext& context_;
    std::string host_;
    std::size_t slot_;
    std::unique_ptr<Handle> handle_;
    const char* input_ = nullptr;
    std::size_t input_size_ = 0;
    std::string output_;
    std::string error_;
    bool bad_certificate_ = false;
};

}  // namespace aiperf::load
