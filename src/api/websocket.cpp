#include "websocket.hpp"

#include <algorithm>
#include <utility>

namespace aiperf::api {

namespace {

using namespace std::chrono_literals;

constexpr auto k_parting = 1s;  // from our close frame to the client's

const char* reason_of(CloseCode code) noexcept {
    switch (code) {
        case CloseCode::invalid_text: return "text that is not UTF-8";
        case CloseCode::too_big: return "the message is too long";
        default: return "these are no frames of a client";
    }
}

}  // namespace

void WebSocketClient::tell(const LiveEventPtr& event) {
    if (event->is_end) {
        end_ = event;
        tell_end();
    } else if (!closing_ && talk_.wants(event->type)) {
        push(event->frame);
    }
}

void WebSocketClient::tell_end() {
    if (!closing_ && !end_told_ && end_ != nullptr && talk_.wants(end_->type)) {
        end_told_ = true;
        push(end_->frame, true);
    }
}

void WebSocketClient::on_bytes(std::string_view bytes) {
    std::vector<WebSocketEvent> events;
    reader_.feed(bytes, events);
    for (const WebSocketEvent& event : events) {
        take(event);
    }
    if (const auto failure = reader_.failure()) {
        close(*failure, reason_of(*failure));
        half_close();  // its own close could not be read
    }
}

void WebSocketClient::take(const WebSocketEvent& event) {
    using Kind = WebSocketEvent::Kind;
    if (event.kind == Kind::close) {
        if (!std::exchange(closing_, true)) {
            closed_by_ = base::now() + k_parting;
            push(close_answer(event.code));
        }
        finish();
    } else if (closing_) {
        return;
    } else if (event.kind == Kind::text) {
        take_text(event.payload);
    } else if (event.kind == Kind::binary) {
        close(CloseCode::unsupported, "messages are text");
    } else if (event.kind == Kind::ping) {
        push(pong_frame(event.payload));
    }
}

void WebSocketClient::take_text(const std::string& text) {
    if (const auto reply = talk_.reply_to(text)) {
        push(text_frame(*reply));
    }
    tell_end();
}

void WebSocketClient::close(CloseCode code, std::string_view reason) {
    if (!std::exchange(closing_, true)) {
        closed_by_ = base::now() + k_parting;
        push(close_frame(code, reason));
    }
}

void WebSocketClient::on_overflow() {
    close(CloseCode::policy, "the client reads too slowly");
}

void WebSocketClient::farewell(base::Instant deadline) {
    close(CloseCode::going_away, "the results server closes");
    closed_by_ = std::min(closed_by_, deadline);
}

void WebSocketClient::beat(base::Instant now) {
    const bool waits_for_pong = pinged_ > heard();
    if (now >= closed_by_ || (waits_for_pong && now - pinged_ > options().beat)) {
        cut();
    } else if (!closing_ && !waits_for_pong && now - heard() > options().beat) {
        pinged_ = now;
        push(ping_frame());
    }
}

}  // namespace aiperf::api
