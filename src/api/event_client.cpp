#include "event_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace aiperf::api {

namespace {

constexpr std::size_t k_most_unasked = 64 * 1024;  // a client has nothing more to say

}  // namespace

EventClient::EventClient(asio::io_context& io,
                         LiveVisitor visitor,
                         std::shared_ptr<const LiveOptions> options,
                         std::set<std::string, std::less<>> types)
    : LiveClient(io, std::move(visitor), std::move(options)),
      types_(std::move(types)) {}

void EventClient::greet(std::uint64_t newest) {
    push(fmt::format("retry: 1000\nid: {}\n\n", newest));
}

void EventClient::tell_gap(std::uint64_t last_id, std::uint64_t forgotten) {
    push(event_text(
        {},
        "events_lost",
        fmt::format(R"({{"message_type":"events_lost","first_lost":{},"last_lost":{}}})", last_id + 1, forgotten)));
}

void EventClient::tell(const LiveEventPtr& event) {
    if (is_finishing()) {
        return;
    }
    if (event->is_end || types_.empty() || types_.contains(event->type)) {
        push(event->text, event->is_end);
    }
    if (event->is_end) {
        finish();
    }
}

void EventClient::on_bytes(std::string_view bytes) {
    unasked_ += bytes.size();
    if (unasked_ > k_most_unasked) {
        cut();
    }
}

void EventClient::on_overflow() {
    cut();  // it comes back and says which event was its last
}

void EventClient::beat(base::Instant now) {
    if (now >= closed_by_ || (is_behind() && now - sent() > 2 * options().beat)) {
        cut();
    } else if (!is_behind() && now - sent() > options().beat) {
        push(": still here\n\n");
    }
}

void EventClient::farewell(base::Instant deadline) {
    closed_by_ = deadline;
    finish();
}

}  // namespace aiperf::api
