#pragma once

#include "aiperf/http/sse.hpp"
#include "pieces.hpp"

#include <algorithm>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::test {

/// One server-sent event as a parser gave it out.
struct ParsedEvent {
    std::string name;
    std::string data;

    friend bool operator==(const ParsedEvent&, const ParsedEvent&) = default;
};

using ParsedEvents = std::vector<ParsedEvent>;

inline std::ostream& operator<<(std::ostream& out, const ParsedEvent& event) {
    return out << '(' << event.name << '|' << event.data.substr(0, 200) << ')';
}

/// Keeps events, and uses all that it may of the bytes handed on: an instrumented build would tell.
struct EventKeeper {
    ParsedEvents events;

    void on_event(std::string_view name, char* data, std::size_t size) {
        events.push_back({std::string(name), std::string(data, size)});
        volatile char last = data[size + http::SseParser::k_padding - 1];
        static_cast<void>(last);
        std::fill_n(data, size, '#');  // simdjson writes there
    }
};

/// The events of a stream that arrives cut at `cuts` and ends.
inline ParsedEvents events_of(std::string_view input, const Cuts& cuts = {}) {
    http::SseParser parser;
    EventKeeper keeper;
    in_pieces(input, cuts, http::SseParser::k_padding, [&](char* data, std::size_t size) {
        parser.feed(data, size, keeper);
        return true;
    });
    parser.finish(keeper);
    return keeper.events;
}

}  // namespace aiperf::test
