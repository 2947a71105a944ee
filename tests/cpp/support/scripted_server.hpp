#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace aiperf::test {

/// A small HTTP server for tests of the client: one thread on a loopback port of its own that does what it is told,
/// request by request, and counts. Not for speed.
///
/// *Thread safety*: any thread may call anything; the scripts run on the server's thread.
class ScriptedServer {
public:
    struct Request {
        std::size_t number = 0;         ///< of all, from 0
        std::size_t connection = 0;     ///< from 0
        std::size_t on_connection = 0;  ///< of its connection, from 0
        std::string head;               ///< with the blank line
        std::string body;
    };

    /// One thing done in answer to a request.
    struct Step {
        enum class Kind : std::uint8_t {
            send,        ///< `bytes`
            close,       ///< in good order
            reset,       ///< so that the peer sees ECONNRESET
            half_close,  ///< no more is sent, but the socket stays open
            hold,        ///< until release(), or until so many are held as `gather` says
        };

        Kind kind = Kind::send;
        std::string bytes{};
    };

    using Steps = std::vector<Step>;

    /// What the server does when.
    struct Script {
        std::function<Steps(const Request&)> on_request{};
        std::function<Steps(std::size_t connection)> on_connect{};  ///< before a request; none = nothing
        std::size_t gather = 0;       ///< held answers go on together once they are so many; 0 = by release() only
        bool answer_at_head = false;  ///< the script runs at the end of the head; bodies are not read
        int backlog = 1024;
        bool accepting = true;  ///< false: connections stay in the backlog
    };

    explicit ScriptedServer(Script script);
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    [[nodiscard]] sockaddr_storage address() const noexcept;

    /// Lets go on what is held now, and whatever will be.
    void release();

    /// Waits until `condition` (called under the lock) is true. False after half a minute.
    bool wait_until(const std::function<bool()>& condition);

    /// Waits until so many requests have arrived.
    bool wait_for_requests(std::size_t count);

    [[nodiscard]] std::vector<Request> requests() const;
    [[nodiscard]] std::size_t connections() const;

    /// Most requests that were unanswered at once.
    [[nodiscard]] std::size_t most_in_flight() const;

private:
    struct Peer {
        std::size_t number = 0;
        std::size_t requests = 0;
        std::string received;
        Steps todo;  // what is to be done yet, first things first
        bool answering = false;
        bool deaf = false;
    };

    void serve();
    void accept_all();
    bool receive(int fd, Peer& peer);
    void parse(Peer& peer);
    bool act(int fd, Peer& peer);
    void finish_answer(Peer& peer);

    Script script_;
    int listener_ = -1;
    int wake_ = -1;
    std::uint16_t port_ = 0;
    std::map<int, Peer> peers_;  // by descriptor; the server's thread only

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Request> requests_;
    std::size_t connections_ = 0;
    std::size_t in_flight_ = 0;
    std::size_t most_in_flight_ = 0;
    bool released_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

inline ScriptedServer::Step send_step(std::string bytes) {
    return {ScriptedServer::Step::Kind::send, std::move(bytes)};
}

inline const ScriptedServer::Step k_close{ScriptedServer::Step::Kind::close};
inline const ScriptedServer::Step k_reset{ScriptedServer::Step::Kind::reset};
inline const ScriptedServer::Step k_half_close{ScriptedServer::Step::Kind::half_close};
inline const ScriptedServer::Step k_hold{ScriptedServer::Step::Kind::hold};

}  // namespace aiperf::test
