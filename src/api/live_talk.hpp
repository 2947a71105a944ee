#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace aiperf::api {

/// What one client of /ws has subscribed to, and AIPerf's protocol to say so: one JSON object per message. It remembers
/// known types only, so a client cannot make it grow. *Thread safety*: none.
class LiveTalk {
public:
    /// The answer to a message; absent: silence, as to a type nobody knows.
    [[nodiscard]] std::optional<std::string> reply_to(std::string_view text);

    /// Nothing is wanted before a subscription; "*" is everything.
    [[nodiscard]] bool wants(std::string_view type) const;

private:
    std::set<std::string, std::less<>> types_;
};

}  // namespace aiperf::api
