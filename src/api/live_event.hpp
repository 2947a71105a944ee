#pragma once

#include "live_messages.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::api {

/// Bytes that many clients are sent.
using SharedBytes = std::shared_ptr<const std::string>;

/// A message of the run, ready to be sent in either way.
struct LiveEvent {
    std::uint64_t id = 0;  ///< 1, 2, 3 …
    std::string type;
    bool is_end = false;  ///< the last of the run
    SharedBytes frame;    ///< of a WebSocket
    SharedBytes text;     ///< of an event stream
};

using LiveEventPtr = std::shared_ptr<const LiveEvent>;

[[nodiscard]] LiveEventPtr make_live_event(std::uint64_t id, const LiveMessage& message);

/// One event of text/event-stream; `id` empty: it has none. `data`: one line.
[[nodiscard]] std::string event_text(std::string_view id, std::string_view type, std::string_view data);

/// The last events, for those who come back: as many as go into some bytes, the newest in any case.
/// *Thread safety*: none.
class EventRing {
public:
    explicit EventRing(std::size_t most_bytes)
        : most_bytes_(most_bytes) {}

    void add(LiveEventPtr event);

    /// The newest one's number; 0: there was none yet.
    [[nodiscard]] std::uint64_t newest() const noexcept { return events_.empty() ? 0 : events_.back()->id; }

    /// The number before the oldest that is kept.
    [[nodiscard]] std::uint64_t forgotten() const noexcept { return events_.empty() ? 0 : events_.front()->id - 1; }

    /// Those behind `id` that are kept, rising.
    [[nodiscard]] std::vector<LiveEventPtr> behind(std::uint64_t id) const;

private:
    std::size_t most_bytes_;
    std::size_t bytes_ = 0;
    std::deque<LiveEventPtr> events_;
};

}  // namespace aiperf::api
