#pragma once

#include "aiperf/api/hold.hpp"
#include "aiperf/api/run_state.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace spdlog {
class logger;
}

namespace aiperf::api {

/// What a client may ask of the server. Beyond: 413, 414, 431, or a closed connection.
struct Limits {
    std::size_t request_line_bytes = 8 * 1024;  ///< of the target; beyond: 414
    std::size_t header_bytes = 32 * 1024;       ///< all names and values; beyond: 431
    std::size_t header_count = 64;              ///< beyond: 431
    std::size_t body_bytes = 64 * 1024;         ///< beyond: 413
    std::size_t connections = 512;              ///< at the limit the longest silent connection gives way, else 503
    base::Nanoseconds request_time = std::chrono::seconds(10);   ///< first to last byte of a request; beyond: 408
    base::Nanoseconds idle_time = std::chrono::seconds(75);      ///< silence between two requests
    base::Nanoseconds write_time = std::chrono::seconds(30);     ///< for each 64 KiB of an answer to be taken
    base::Nanoseconds longest_wait = std::chrono::seconds(300);  ///< cap of ?wait=
    std::size_t streams = 100;  ///< of `connections`: clients of /ws and /api/events; beyond: close code 1013, or 503
    std::size_t stream_queue_bytes = 1024 * 1024;  ///< that a client of a stream may be behind; beyond: closed
    base::Nanoseconds stream_silence = std::chrono::seconds(20);  ///< then a client of a stream gets a sign of life
};

/// How bodies are compressed for clients that ask for it.
struct Compression {
    std::size_t chunk_bytes = 64 * 1024;  ///< of a body, in one turn of the event loop
    int zstd_level = 3;                   ///< 1 to 22
    int gzip_level = 6;                   ///< 1 to 9
};

/// By which doors clients come to a server, and whom it lets in.
struct AccessOptions {
    bool tcp = true;                        ///< on ServerOptions::host and port
    std::string socket;                     ///< path of a Unix socket of mode 0600; empty: none
    std::string token;                      ///< wanted of whoever comes by TCP (bearer); empty: none is
    std::vector<std::string> cors_origins;  ///< pages that may read answers: "https://host:port", or "*" for any
    std::string tls_certificate;            ///< PEM, with what leads to its authority; empty: no TLS
    std::string tls_key;                    ///< PEM; empty: in the same file
};

/// How a results server listens, and whom it puts up with.
struct ServerOptions {
    std::string host = "127.0.0.1";                                ///< name or address; every address it has is tried
    std::uint16_t port = 0;                                        ///< 0: the system picks one
    base::Nanoseconds shutdown_timeout = std::chrono::seconds(5);  ///< for answers in flight after close()
    Limits limits;                                                 ///< what clients may do
    AccessOptions access;                                          ///< who may come
    Compression compression;                                       ///< of bodies
    std::function<bool()> on_shutdown_request;  ///< POST /api/shutdown after the end; false: refused. Server's thread
    std::function<void(const Audience&)> on_audience;  ///< who knows of the end has changed. Server's thread
    std::shared_ptr<spdlog::logger> logger;            ///< null: silent
};

/// The results server: one listener, one thread, the routes of a RunState.
///
///     Server server(state, options);
///     server.start();                              // throws base::RunError where it cannot listen
///     ...
///     server.announce_end(hold_until);             // later answers close their connections
///     server.close();                              // refuses, finishes what it has, joins
///
/// It knows nothing of how it is hosted, nor of graces: it listens until it is closed. `state` must outlive it.
/// *Thread safety*: all calls from any thread; the callback runs in the server's thread and must not close it.
class Server {
public:
    /// Does not listen yet: start() does.
    Server(RunState& state, ServerOptions options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Binds and listens, once and without a probe before, and starts the thread. Throws base::RunError naming
    /// HOST:PORT and the system's reason, or where it was started before.
    void start();

    /// "http://127.0.0.1:9090", "http://[::1]:9090", "https://…"; without TCP "unix:///path"; empty before start().
    [[nodiscard]] std::string url() const;

    /// The real port; 0 before start(), and without TCP.
    [[nodiscard]] std::uint16_t port() const noexcept;

    /// True from start() until close() begins, or until the thread has failed.
    [[nodiscard]] bool is_listening() const noexcept;

    /// Who has asked how the run ends, and who knows.
    [[nodiscard]] Audience audience() const;

    /// Tells when close() will come: answers from one second before on say `Connection: close`, so that a client
    /// which keeps its connection is not cut off between two requests.
    void announce_end(base::Instant end) noexcept;

    /// Stops accepting at once, answers what has arrived, lets answers and downloads in flight finish until
    /// now + shutdown_timeout or `deadline`, whichever is first, closes silent connections at once, joins the thread.
    /// Idempotent; before start() it does nothing.
    void close(base::Instant deadline = base::Instant::max());

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aiperf::api
