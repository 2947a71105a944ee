// What a client of /ws sends: the frames of a WebSocket, and what it says in them.
#include "input.hpp"
#include "live_talk.hpp"
#include "parsed_web_socket.hpp"

#include <algorithm>

using namespace aiperf;  // NOLINT: a program of its own
using Kind = api::WebSocketEvent::Kind;

namespace {

constexpr std::size_t k_most_bytes = 2000;

bool is_utf8(std::string_view text) {
    api::Utf8Check check;
    return check.feed(text) && check.is_whole();
}

void check_event(const api::WebSocketEvent& event) {
    fuzz::require(event.payload.size() <= k_most_bytes, "no message is longer than the limit");
    if (event.kind == Kind::text || event.kind == Kind::close) {
        fuzz::require(is_utf8(event.payload), "text is UTF-8");
    }
    if (event.kind != Kind::text && event.kind != Kind::binary) {
        fuzz::require(event.payload.size() <= 125, "control frames are short");
    }
    api::LiveTalk talk;
    if (const auto reply = talk.reply_to(event.payload)) {
        fuzz::require(is_utf8(*reply), "an answer is UTF-8");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const test::Cuts cuts = fuzz::take_cuts(input);
    const std::string_view stream = input.rest();
    const test::ParsedWebSocket whole = test::web_socket_of(stream, {}, k_most_bytes);
    fuzz::require(test::web_socket_of(stream, cuts, k_most_bytes) == whole, "a cut stream gives the same");
    fuzz::require(test::web_socket_of(stream, fuzz::every_cut(stream.size()), k_most_bytes) == whole,
                  "a stream byte by byte gives the same");
    fuzz::require(!whole.failure || !whole.closed, "a stream fails or is closed");
    std::for_each(whole.events.begin(), whole.events.end(), check_event);
    const auto closes = [](const api::WebSocketEvent& event) { return event.kind == Kind::close; };
    fuzz::require(std::count_if(whole.events.begin(), whole.events.end(), closes) == (whole.closed ? 1 : 0),
                  "a close is the last event");
    return 0;
}
