#include "live_event.hpp"

#include "websocket_frames.hpp"

#include <algorithm>
#include <utility>

namespace aiperf::api {

LiveEventPtr make_live_event(std::uint64_t id, const LiveMessage& message) {
    LiveEvent event;
    event.id = id;
    event.type = message.type;
    event.is_end = message.is_end();
    event.frame = std::make_shared<const std::string>(text_frame(message.json));
    event.text = std::make_shared<const std::string>(event_text(std::to_string(id), message.type, message.json));
    return std::make_shared<const LiveEvent>(std::move(event));
}

std::string event_text(std::string_view id, std::string_view type, std::string_view data) {
    std::string out;
    if (!id.empty()) {
        out.append("id: ").append(id).append("\n");
    }
    return out.append("event: ").append(type).append("\ndata: ").append(data).append("\n\n");
}

void EventRing::add(LiveEventPtr event) {
    bytes_ += event->text->size();
    events_.push_back(std::move(event));
    while (bytes_ > most_bytes_ && events_.size() > 1) {
        bytes_ -= events_.front()->text->size();
        events_.pop_front();
    }
}

std::vector<LiveEventPtr> EventRing::behind(std::uint64_t id) const {
    const auto first =
        std::find_if(events_.begin(), events_.end(), [id](const LiveEventPtr& event) { return event->id > id; });
    return {first, events_.end()};
}

}  // namespace aiperf::api
