#pragma once

#include "aiperf/load/connection.hpp"
#include "aiperf/load/io.hpp"
#include "aiperf/load/plan.hpp"
#include "aiperf/load/session.hpp"
#include "aiperf/load/shared_state.hpp"
#include "aiperf/load/slab.hpp"
#include "aiperf/load/turn_watch.hpp"
#include "aiperf/load/wake_lead.hpp"
#include "aiperf/process/descriptor.hpp"
#include "aiperf/record/journal.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

namespace aiperf::load {

/// One thread's share of the load: claims indices, sends at their instants, reads answers, writes records. No locks,
/// and no allocation once its buffers have grown.
///
/// A worker claims the next index with one fetch_add, at most one ahead and only while it has a concurrency slot of its
/// own (the shares of all workers add up to the phase's concurrency); so a slow worker delays nobody else, and the cap
/// holds exactly. Where conversations have several turns, a slot is a session's: it keeps it until its last turn is
/// over, and stays with its worker, which knows its history. A turn claims its index when it may be sent.
///
/// *Thread safety*: run() on one thread; wake() from any.
template <class Io>
class Worker {
public:
    /// Throws base::SystemError. `plan`, `shared` and `writer` outlive the worker; `on_news` is called on the
    /// worker's thread when it is through with a phase, and when it has stopped the others.
    Worker(std::uint32_t number,
           const LoadPlan& plan,
           SharedState& shared,
           record::Journal::Writer& writer,
           std::function<void()> on_news);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Works phase after phase as SharedState says, until it says k_quit.
    void run();

    /// Makes the worker look at SharedState.
    void wake() noexcept { io_.wake(); }

private:
    static constexpr std::size_t k_read_bytes = 64UL * 1024;
    static constexpr std::size_t k_encrypt_bytes = 64UL * 1024;  // of a body ahead of the socket
    static constexpr std::size_t k_record_bytes = 16UL * 1024;   // most that one record of TLS holds
    static constexpr int k_sends_per_turn = 16;                  // then answers are looked after again
    static constexpr std::uint32_t k_unlimited = ~0U;
    static constexpr base::Nanoseconds k_prompt_nap = std::chrono::milliseconds(1);
    static constexpr std::size_t k_opened_at_once = 8;                          // ahead of requests
    static constexpr base::Nanoseconds k_pause = std::chrono::microseconds(5);  // to a send: nothing else is begun

    void get_ready();
    void begin_phase(std::uint32_t phase);
    void work_phase();
    void handle(const Ready& ready);
    void obey_stop();
    void expire(base::Instant now);
    void show_life(base::Instant now) noexcept;
    void watch_clocks(base::Instant now) noexcept;
    void cancel_in_flight(base::Instant now);
    [[nodiscard]] base::Instant next_wake() const noexcept;
    [[nodiscard]] bool is_send_near() const noexcept;
    [[nodiscard]] base::Nanoseconds lead() const noexcept;

    // Claiming and sending.
    bool fill(int most);
    bool may_claim(base::Instant now);
    bool claim(base::Instant now);
    bool is_prompt_ready(base::Instant now);
    void start(base::Instant now);
    void dispatch(ExchangeId id, base::Instant now);
    void dispatch_again();
    ConnectionId take_connection(const Exchange& exchange, base::Instant now);
    ConnectionId new_connection(std::uint16_t pool);
    void send(ConnectionId id);
    bool send_rest(Connection& connection, Exchange& exchange);
    bool encrypt_rest(Connection& connection, Exchange& exchange);
    bool send_output(Connection& connection);
    void take_output(Connection& connection);

    // Sessions of several turns.
    void take_due_turns(base::Instant now);
    bool has_turn();
    void name_turn(record::Record& record) noexcept;
    SessionId take_turn(record::Record& record);
    void end_turn(const Exchange& exchange, base::Instant now);
    void end_session(SessionId id, ConnectionId carrier) noexcept;
    void end_waiting() noexcept;
    void exhaust() noexcept;
    [[nodiscard]] bool all_claimed() const noexcept;
    [[nodiscard]] bool is_through() const noexcept;
    ConnectionId take_own(const Exchange& exchange, base::Instant now);
    void part(Connection& connection) noexcept;

    // Connections being made.
    void plan_ahead(const schedule::Phase& phase);
    void open_ahead();
    void keep_ahead(ConnectionId id);
    void connect(ConnectionId id);
    bool try_addresses(ConnectionId id);
    bool try_next_address(ConnectionId id);
    void connect_finished(ConnectionId id);
    void greet(ConnectionId id);
    void tunnel_answered(ConnectionId id, std::size_t size);
    void begin_tls(ConnectionId id);
    bool shake_hands(ConnectionId id);
    void ready(ConnectionId id);
    void stamp_connected(Connection& connection);

    // Connections with many requests (HTTP/2).
    struct Streams;
    ConnectionId take_shared(const Exchange& exchange, base::Instant now);
    ConnectionId new_shared(std::uint16_t pool);
    void join(ExchangeId id, ConnectionId carrier);
    void begin_http2(ConnectionId id);
    void http2_ready(ConnectionId id);
    void open_stream(ExchangeId id);
    bool take_frames(ConnectionId id, char* data, std::size_t size);
    void push(ConnectionId id);
    void stamp_sent(Connection& connection);
    void end_stream(ExchangeId id, base::Instant now);
    void leave(ExchangeId id);
    void put_off(ExchangeId id);
    void lose_streams(ConnectionId id, const std::string& why);
    bool send_anew(Exchange& exchange) noexcept;

    // Answers.
    void read(ConnectionId id, bool hangup);
    bool take_bytes(ConnectionId id, std::size_t size);
    [[nodiscard]] std::uint32_t read_lag(base::Instant now) const noexcept;
    bool take_ciphertext(ConnectionId id, std::size_t size, base::Instant now);
    bool take_answer(ConnectionId id, char* data, std::size_t size, base::Instant now);
    bool redirect(ExchangeId id);
    void peer_closed(ConnectionId id, bool in_good_order);
    void connection_broke(ConnectionId id, int error_number);
    void tls_broke(ConnectionId id);
    bool retry(ConnectionId id);
    void fail(ExchangeId id, record::ErrorKind kind, std::string message, base::Instant now);
    void fail_connection(ConnectionId id, record::ErrorKind kind, const std::string& message);
    void complete(ExchangeId id, base::Instant now);
    void count(const record::Record& record, const Answer& answer) noexcept;

    void stop_for_full_journal() noexcept;
    void stop_for_failures();
    void forget_settled_attempts() noexcept;
    void close(ConnectionId id) noexcept;
    void close_socket(Connection& connection) noexcept;
    void drop_idle(ConnectionId id) noexcept;
    void link(ExchangeId id) noexcept;
    void unlink(ExchangeId id) noexcept;

    [[nodiscard]] const Target& target_of(const Connection& connection) const noexcept {
        return plan_.targets[connection.target];
    }

    /// True where a request goes over a connection that belongs to its session.
    [[nodiscard]] bool is_sticky(const Exchange& exchange) const noexcept {
        return exchange.session != SessionId::none && exchange.hops == 0 &&
               plan_.connection_reuse == config::ConnectionReuse::sticky_user_sessions;
    }

    std::uint32_t number_;
    const LoadPlan& plan_;
    const bool has_sessions_;  // conversations of several turns
    SharedState& shared_;
    WorkerCounters& counters_;
    record::Journal::Writer& writer_;
    std::function<void()> on_news_;
    std::unique_ptr<endpoint::AnswerReader> reader_;
    Io io_;
    std::vector<char> buffer_;
    std::int64_t arrived_wall_ns_ = 0;  // the kernel's stamp of what is in the buffer
    std::int64_t wall_offset_ns_ = 0;   // CLOCK_REALTIME less CLOCK_MONOTONIC
    base::Instant offset_taken_{};
    process::Descriptor stamping_;  // keeps the kernel's stamping on: it starts a moment after the first socket asks
    TurnWatch turns_;
    WakeLead wake_lead_;

    std::unique_ptr<TlsContext> tls_;  // null where no target needs it
    std::vector<char> plain_;          // what TLS has decrypted
    std::string record_;               // what it encrypts next
    std::string frames_;               // of HTTP/2, to be encrypted

    Slab<Exchange, ExchangeId> exchanges_;
    Slab<Connection, ConnectionId> connections_;
    Slab<Session, SessionId> sessions_;
    std::vector<std::uint16_t> pools_;                           // by target: the one whose connections it uses
    std::vector<std::vector<ConnectionId>> idle_;                // by pool; the last used is used first
    std::vector<std::vector<ConnectionId>> shared_connections_;  // by pool
    std::vector<std::size_t> next_address_;                      // by pool: where the next connection begins
    std::size_t next_source_ = 0;
    std::vector<ExchangeId> again_;  // to be sent anew at the end of this turn

    /// A connection attempt; all have the same time-out, so the first one begun expires first.
    struct Attempt {
        ConnectionId id;
        std::uint32_t generation;
        base::Instant began;
    };

    std::deque<Attempt> attempts_;
    std::uint32_t ready_for_ = 0;         // n = connections for phase n - 1 have been planned
    std::vector<std::uint16_t> to_open_;  // pools: a connection each, ahead of the phase
    // The requests under way, oldest first.
    ExchangeId oldest_ = ExchangeId::none;
    ExchangeId youngest_ = ExchangeId::none;

    // The current phase.
    const schedule::Phase* phase_ = nullptr;
    std::uint8_t phase_index_ = 0;
    std::uint64_t first_slot_ = 0;
    base::Instant phase_start_{};
    base::Instant phase_end_ = base::Instant::max();  // no request is due at or after it
    base::Instant grace_end_ = base::Instant::max();
    std::optional<schedule::ArrivalCursor> cursor_;
    std::uint32_t slots_ = 0;      // this worker's share of the concurrency
    std::uint32_t in_flight_ = 0;  // requests by themselves, sessions
    bool exhausted_ = false;       // nothing more will be claimed
    bool all_begun_ = false;       // no session more will be begun

    /// A session that waits for its next turn.
    struct Waiting {
        base::Instant due;
        std::uint32_t number;
        SessionId session;
    };

    /// Of two due at once the older one is first.
    struct Later {
        bool operator()(const Waiting& a, const Waiting& b) const noexcept {
            return a.due != b.due ? a.due > b.due : a.number > b.number;
        }
    };

    std::priority_queue<Waiting, std::vector<Waiting>, Later> waiting_;
    std::deque<SessionId> ready_;        // whose next turn may be sent
    SessionId begun_ = SessionId::none;  // whose first turn may be sent; it does not count as in flight yet

    // The index claimed ahead.
    record::Record* pending_ = nullptr;
    std::uint64_t pending_index_ = 0;
    base::Instant pending_due_{};
    bool unready_ = false;        // its prompt was not made when it was due
    std::size_t prompts_ = 0;     // so many conversations are known to be ready
    bool full_ = false;           // all slots are taken
    base::Instant full_until_{};  // when one was free again
};

}  // namespace aiperf::load

#include "aiperf/load/worker_answer_impl.hpp"
#include "aiperf/load/worker_connect_impl.hpp"
#include "aiperf/load/worker_end_impl.hpp"
#include "aiperf/load/worker_http2_impl.hpp"
#include "aiperf/load/worker_loop_impl.hpp"
#include "aiperf/load/worker_send_impl.hpp"
#include "aiperf/load/worker_session_impl.hpp"

namespace aiperf::load {

extern template class Worker<EpollIo>;

}  // namespace aiperf::load
