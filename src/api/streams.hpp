#pragma once

#include "event_client.hpp"
#include "stream_request.hpp"
#include "websocket.hpp"

#include <memory>
#include <vector>

namespace aiperf::api {

/// Everybody who is told what happens in a run, by WebSocket or by server-sent events. It looks at the run's state,
/// tells what is new, and remembers the last of it for those who come back. *Thread safety*: none; the server's thread
/// only.
class Streams {
public:
    /// `most_clients` at a time. `state` and `io` must outlive it.
    Streams(asio::io_context& io, const RunState& state, LiveOptions options, std::size_t most_clients);

    /// A refusal that depends on who is there already; else the plan as it was.
    [[nodiscard]] StreamPlan admitted(StreamPlan plan) const;

    /// Takes a client over.
    void open(const StreamPlan& plan, LiveVisitor visitor);

    /// Tells what has happened since the last look: turns at once, numbers twice a second.
    void look(base::Instant now);

    /// Signs of life, clients that have gone.
    void beat(base::Instant now);

    /// Everybody is told that the server closes, and is gone by `deadline` or before.
    void close(base::Instant deadline);

private:
    void tell_until(RunState::View seen, base::Instant now);
    void publish(const LiveMessage& message);
    void open_web_socket(const StreamPlan& plan, LiveVisitor visitor);
    void open_events(const StreamPlan& plan, LiveVisitor visitor);
    void add(std::shared_ptr<LiveClient> client);
    [[nodiscard]] bool is_full() const noexcept;

    asio::io_context& io_;
    const RunState& state_;
    const std::shared_ptr<const LiveOptions> options_;
    const std::size_t most_clients_;
    RunState::View told_;  // what everybody knows
    base::Instant told_at_{};
    std::uint64_t last_id_ = 0;
    EventRing ring_;
    LiveEventPtr end_;  // null: the run lasts
    std::vector<std::shared_ptr<LiveClient>> clients_;
    base::Instant closed_by_ = base::Instant::max();  // earlier: the server closes
};

}  // namespace aiperf::api
