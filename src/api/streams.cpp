#include "streams.hpp"

#include <algorithm>

namespace aiperf::api {

namespace {

using namespace std::chrono_literals;

constexpr auto k_least_gap = 500ms;  // between two tellings of mere numbers

using Headers = std::vector<std::pair<std::string, std::string>>;

std::string head_of(std::string_view status, const Headers& own, const Headers& common) {
    std::string out = "HTTP/1.1 ";
    out.append(status).append("\r\n");
    for (const Headers* const headers : {&own, &common}) {
        for (const auto& [name, value] : *headers) {
            out.append(name).append(": ").append(value).append("\r\n");
        }
    }
    return out.append("\r\n");
}

}  // namespace

Streams::Streams(asio::io_context& io, const RunState& state, LiveOptions options, std::size_t most_clients)
    : io_(io),
      state_(state),
      options_(std::make_shared<const LiveOptions>(options)),
      most_clients_(most_clients),
      ring_(options_->queue_bytes / 2) {}  // who comes back gets all of it at once

bool Streams::is_full() const noexcept {
    const auto there = [](const auto& client) { return !client->is_gone(); };
    return static_cast<std::size_t>(std::count_if(clients_.begin(), clients_.end(), there)) >= most_clients_;
}

StreamPlan Streams::admitted(StreamPlan plan) const {
    if (plan.kind != StreamPlan::Kind::events) {
        return plan;
    }
    if (end_ != nullptr && plan.last_id == end_->id) {
        plan.kind = StreamPlan::Kind::refusal;
        plan.status = 204;  // which tells a browser not to come back
    } else if (is_full()) {
        plan.kind = StreamPlan::Kind::refusal;
        plan.status = 503;
        plan.detail = "Too many clients of live streams";
        plan.headers = {{"Retry-After", "1"}};
    }
    return plan;
}

void Streams::open(const StreamPlan& plan, LiveVisitor visitor) {
    if (plan.kind == StreamPlan::Kind::web_socket) {
        open_web_socket(plan, std::move(visitor));
    } else {
        open_events(plan, std::move(visitor));
    }
}

void Streams::open_web_socket(const StreamPlan& plan, LiveVisitor visitor) {
    const bool full = is_full();
    std::string head =
        head_of("101 Switching Protocols",
                {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", plan.accept}},
                visitor.headers);
    const auto client = std::make_shared<WebSocketClient>(io_, std::move(visitor), options_);
    client->begin(std::move(head));
    client->set_end(end_);
    if (full) {
        client->close(CloseCode::try_again_later, "too many clients of live streams");
    }
    add(client);
}

void Streams::open_events(const StreamPlan& plan, LiveVisitor visitor) {
    std::string head = head_of("200 OK",
                               {{"Content-Type", "text/event-stream"},
                                {"Cache-Control", "no-store"},
                                {"X-Accel-Buffering", "no"},
                                {"Connection", "close"}},
                               visitor.headers);
    const auto client = std::make_shared<EventClient>(io_, std::move(visitor), options_, plan.types);
    client->begin(std::move(head));
    client->greet(plan.last_id.value_or(last_id_));
    if (plan.last_id) {
        // A number that is still to come is another run's: whatever is here is new to that client.
        const std::uint64_t last = *plan.last_id > last_id_ ? 0 : *plan.last_id;
        if (last < ring_.forgotten()) {
            client->tell_gap(last, ring_.forgotten());
        }
        for (const LiveEventPtr& event : ring_.behind(last)) {
            client->tell(event);
        }
    } else if (end_ != nullptr) {
        client->tell(end_);
    }
    add(client);
}

void Streams::add(std::shared_ptr<LiveClient> client) {
    if (closed_by_ != base::Instant::max()) {
        client->farewell(closed_by_);
    }
    clients_.push_back(std::move(client));
}

void Streams::look(base::Instant now) {
    if (end_ != nullptr) {
        return;
    }
    RunState::View seen = state_.view();
    if (is_turn(told_, seen) || now - told_at_ >= k_least_gap) {
        tell_until(std::move(seen), now);
    }
}

void Streams::tell_until(RunState::View seen, base::Instant now) {
    for (const LiveMessage& message : live_messages(state_.facts(), told_, seen)) {
        publish(message);
    }
    told_ = std::move(seen);
    told_at_ = now;
}

void Streams::publish(const LiveMessage& message) {
    const LiveEventPtr event = make_live_event(++last_id_, message);
    ring_.add(event);
    if (event->is_end) {
        end_ = event;
    }
    for (const auto& client : clients_) {
        client->tell(event);
    }
}

void Streams::beat(base::Instant now) {
    for (const auto& client : clients_) {
        client->beat(now);
    }
    std::erase_if(clients_, [](const auto& client) { return client->is_gone(); });
}

void Streams::close(base::Instant deadline) {
    if (end_ == nullptr) {
        tell_until(state_.view(), base::now());
    }
    closed_by_ = deadline;
    for (const auto& client : clients_) {
        client->farewell(deadline);
    }
}

}  // namespace aiperf::api
