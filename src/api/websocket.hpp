#pragma once

#include "live_client.hpp"
#include "live_talk.hpp"
#include "websocket_frames.hpp"

namespace aiperf::api {

/// A client of /ws: AIPerf's protocol, and the messages it has subscribed to. *Thread safety*: none.
class WebSocketClient final : public LiveClient {
public:
    using LiveClient::LiveClient;

    /// The run is over already: its end is told upon the subscription.
    void set_end(LiveEventPtr end) { end_ = std::move(end); }

    void tell(const LiveEventPtr& event) override;
    void beat(base::Instant now) override;
    void farewell(base::Instant deadline) override;

    /// Says why, and goes once the client has understood, or after a while.
    void close(CloseCode code, std::string_view reason);

private:
    void on_bytes(std::string_view bytes) override;
    void on_overflow() override;
    void take(const WebSocketEvent& event);
    void take_text(const std::string& text);
    void tell_end();

    WebSocketReader reader_;
    LiveTalk talk_;
    LiveEventPtr end_;
    bool end_told_ = false;
    bool closing_ = false;  // a close frame was sent
    base::Instant closed_by_ = base::Instant::max();
    base::Instant pinged_{};
};

}  // namespace aiperf::api
