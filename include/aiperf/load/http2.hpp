#pragma once

#include "aiperf/http/response_parser.hpp"
#include "aiperf/load/exchange.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace aiperf::load {

/// One connection's HTTP/2, without a socket: frames go in and out as bytes. *Thread safety*: none.
class Http2Session {
public:
    /// Who is told what frames bring. Nobody destroys the session meanwhile.
    class Listener {
    public:
        virtual ~Listener() = default;

        /// The final head. Views live until the call returns.
        virtual void on_head(ExchangeId id, const http::ResponseHead& head) = 0;

        /// Bytes of the body, with http::SseParser::k_padding readable ones behind where the fed ones have them.
        virtual void on_body(ExchangeId id, char* data, std::size_t size) = 0;

        /// The answer is whole.
        virtual void on_end(ExchangeId id) = 0;

        /// The answer will not be whole. `refused`: the server has not begun with the request.
        virtual void on_reset(ExchangeId id, std::string_view why, bool refused) = 0;
    };

    Http2Session();
    ~Http2Session();
    Http2Session(const Http2Session&) = delete;
    Http2Session& operator=(const Http2Session&) = delete;

    /// Begins a stream with a request in HTTP/1.1's form; `body` stays until it is sent or let go. 0 = no stream can be
    /// begun on this connection any more.
    std::int32_t submit(ExchangeId id, std::string_view head, std::string_view body, bool tls);

    /// Nothing more is told of a stream; it is cancelled where it is not over.
    void let_go(std::int32_t stream);

    /// Takes frames. False = they cannot be read any further: see error().
    bool feed(char* data, std::size_t size, Listener& listener);

    /// Appends what is to be sent.
    void fill(std::string& output, Listener& listener);

    /// Requests whose last byte fill() has given out since the caller emptied the list.
    [[nodiscard]] std::vector<ExchangeId>& sent() noexcept { return sent_; }

    /// The server's settings have come: requests can be sent.
    [[nodiscard]] bool ready() const noexcept { return ready_; }

    /// The server takes no new streams.
    [[nodiscard]] bool going_away() const noexcept { return going_away_; }

    /// Nothing more comes or goes: all is done after a farewell of either side, or there was an error().
    [[nodiscard]] bool over() const noexcept;

    /// Streams the server lets be open at once.
    [[nodiscard]] std::size_t limit() const noexcept;

    /// Why the connection is over, in words.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

private:
    struct Stream;
    struct Callbacks;
    struct Handle;

    std::unique_ptr<Handle> handle_;
    std::unordered_map<std::int32_t, std::unique_ptr<Stream>> streams_;
    std::vector<ExchangeId> sent_;
    std::string error_;
    Listener* listener_ = nullptr;  // while frames are taken or given
    bool ready_ = false;
    bool going_away_ = false;
};

}  // namespace aiperf::load
