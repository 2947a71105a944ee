#include "aiperf/load/session.hpp"

#include "aiperf/base/text.hpp"

namespace aiperf::load {

void Session::begin(std::uint32_t its_number, std::uint32_t its_conversation, std::uint16_t its_target) noexcept {
    number = its_number;
    conversation = its_conversation;
    target = its_target;
    turn = 0;
    due = {};
    connection = ConnectionId::none;
    history.clear();
}

std::string_view Session::body_of(const dataset::Dataset::Entry& entry) {
    if (history.empty() || entry.message_bytes == 0) {
        return entry.body;
    }
    body.assign(entry.body.substr(0, entry.message_at));
    body.append(history).append(entry.body.substr(entry.message_at));
    return body;
}

void Session::remember(const dataset::Dataset::Entry& entry,
                       std::string_view answer,
                       const endpoint::AnswerFrame& frame) {
    if (entry.message_bytes == 0) {
        return;
    }
    history.append(entry.message()).append(",");
    if (!answer.empty() && !frame.before.empty()) {
        history.append(frame.before);
        base::append_json_escaped(history, answer);
        history.append(frame.after).append(",");
    }
}

}  // namespace aiperf::load
