#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/mock/options.hpp"
#include "aiperf/mock/received_request.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace aiperf::mock {

/// What a server did so far. requests = answered + cut + client_closed + those still being answered.
struct Counters {
    std::uint64_t connections = 0;          ///< accepted
    std::uint64_t connections_refused = 0;  ///< closed at once, no descriptor was left; not in `connections`
    std::uint64_t requests = 0;             ///< complete requests read
    std::uint64_t answered = 0;             ///< of `requests`: the whole answer was written
    std::uint64_t cut = 0;                  ///< of `requests`: reset or closed by the server, on purpose
    std::uint64_t client_closed = 0;        ///< of `requests`: the client hung up before its answer was complete
    std::uint64_t error_answers = 0;        ///< of `answered`: status 400 or more
    std::uint64_t bad_requests = 0;         ///< could not be read, answered 4xx/5xx and closed; not in `requests`
    std::uint64_t events = 0;               ///< chunks of streams handed to the system
    std::uint64_t bytes_written = 0;        ///< bytes of answers handed to the system
};

/// A mock inference server on threads of its own. It listens when the constructor returns.
///
///     mock::Options options;
///     options.ttft = std::chrono::milliseconds(20);
///     mock::Server server(options);
///     benchmark("http://127.0.0.1:" + std::to_string(server.port()));
///     server.stop();
///
/// *Thread safety*: every method may be called from any thread.
class Server {
public:
    /// Starts listening. Throws base::ConfigError for a bad option or script, base::SystemError where the address
    /// cannot be bound or a file cannot be written.
    explicit Server(Options options);

    /// Stops. Does not throw.
    ~Server();

    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// The port it listens on; also after stop.
    [[nodiscard]] std::uint16_t port() const noexcept;

    /// "http://HOST:PORT".
    [[nodiscard]] std::string url() const;

    /// Closes every connection, ends the threads and writes the rest of the dump. Idempotent. Throws what a thread
    /// died of, or base::RunError where the dump could not be written, once.
    void stop();

    /// The requests in order of arrival, those still being answered included. Empty without keep_requests.
    [[nodiscard]] std::vector<ReceivedRequest> received() const;

    /// Waits until `count` requests have arrived; false when `timeout` came first. Needs keep_requests or a dump.
    [[nodiscard]] bool wait_arrived(std::size_t count, base::Nanoseconds timeout) const;

    /// Waits until `count` requests are over (answered, cut, or left by the client); false when `timeout` came first.
    [[nodiscard]] bool wait_over(std::size_t count, base::Nanoseconds timeout) const;

    [[nodiscard]] Counters counters() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aiperf::mock
