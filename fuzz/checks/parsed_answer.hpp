#pragma once

#include "aiperf/http/response_parser.hpp"
#include "pieces.hpp"

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::test {

/// All that a parser said about one input.
struct ParsedAnswer {
    struct Head {
        int status = 0;
        std::string reason;
        bool event_stream = false;
        bool keep_alive = false;

        friend bool operator==(const Head&, const Head&) = default;
    };

    http::ResponseParser::State state = http::ResponseParser::State::head;
    http::ParseError error = http::ParseError::none;
    std::vector<Head> heads;
    std::string body;
    std::uint64_t body_bytes = 0;
    bool keep_alive = false;
    bool chunked = false;
    std::string left;  ///< what a finished answer did not use; of a failed one it is left open

    friend bool operator==(const ParsedAnswer&, const ParsedAnswer&) = default;
};

inline std::ostream& operator<<(std::ostream& out, const ParsedAnswer& answer) {
    out << "state " << static_cast<int>(answer.state) << ", " << http::message(answer.error) << ", "
        << answer.heads.size() << " heads, body '" << answer.body.substr(0, 200) << "', left '"
        << answer.left.substr(0, 200) << "', keep-alive " << answer.keep_alive;
    for (const ParsedAnswer::Head& head : answer.heads) {
        out << " [" << head.status << " '" << head.reason << "' " << head.event_stream << head.keep_alive << "]";
    }
    return out;
}

/// Feeds `input` cut at `cuts` to a parser, which may have served others. `close`: the connection closes after it.
inline ParsedAnswer parse(http::ResponseParser& parser,
                          std::string_view input,
                          const Cuts& cuts = {},
                          bool close = false) {
    struct Sink {
        ParsedAnswer& answer;

        void on_head(const http::ResponseHead& head) const {
            answer.heads.push_back({head.status, std::string(head.reason), head.event_stream, head.keep_alive});
        }

        void on_body(char* data, std::size_t size) const {
            answer.body.append(data, size);
            std::fill_n(data, size, '#');  // the bytes are the sink's
        }
    };

    ParsedAnswer answer;
    Sink sink{answer};
    parser.reset();
    in_pieces(input, cuts, 0, [&](char* data, std::size_t size) {
        const std::size_t used = parser.feed(data, size, sink);
        answer.left.append(data + used, size - used);
        return true;
    });
    if (close) {
        parser.finish();
    }
    answer.state = parser.state();
    answer.error = parser.error();
    answer.body_bytes = parser.body_bytes();
    answer.keep_alive = parser.keep_alive();
    answer.chunked = parser.chunked();
    if (answer.state == http::ResponseParser::State::failed) {
        answer.left.clear();
    }
    return answer;
}

/// The same by a parser of its own.
inline ParsedAnswer parse(std::string_view input, const Cuts& cuts = {}, bool close = false) {
    http::ResponseParser parser;
    return parse(parser, input, cuts, close);
}

}  // namespace aiperf::test
