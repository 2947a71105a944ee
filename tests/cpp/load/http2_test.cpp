#include "aiperf/load/http2.hpp"

#include "aiperf/http/sse.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <nghttp2/nghttp2.h>
#include <string>
#include <vector>

using namespace aiperf;  // NOLINT: a test
using load::ExchangeId;
using load::Http2Session;

namespace {

constexpr auto k_first = static_cast<ExchangeId>(0);
constexpr auto k_second = static_cast<ExchangeId>(1);

const std::string k_head =
    "POST /v1/chat HTTP/1.1\r\nHost: h:1\r\nX-Request-ID: 7\r\nConnection: close\r\nContent-Length: 2\r\n\r\n";

/// A server made of the same library, without a socket: what it hears, and what it is told to say.
class Server {
public:
    using Headers = std::vector<std::pair<std::string, std::string>>;

    struct Heard {
        std::map<std::string, std::string> fields;
        std::string body;
        bool whole = false;
        std::uint32_t reset = 0;
    };

    std::map<std::int32_t, Heard> streams;

    explicit Server(std::uint32_t most_streams = 100) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, &on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &on_frame);
        nghttp2_session_server_new(&session_, callbacks, this);
        nghttp2_session_callbacks_del(callbacks);
        const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, most_streams};
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
    }

    ~Server() { nghttp2_session_del(session_); }

    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    nghttp2_session* operator*() noexcept { return session_; }

    void answer(std::int32_t stream, Headers headers, const std::string& body, bool end = true) {
        std::vector<nghttp2_nv> fields;
        for (auto& [name, value] : headers) {
            fields.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
        }
        body_ = body;
        end_ = end;
        nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = &give};
        nghttp2_submit_response(session_, stream, fields.data(), fields.size(), &provider);
    }

    void take(const std::string& frames) {
        nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(frames.data()), frames.size());
    }

    std::string say() {
        std::string out;
        const std::uint8_t* data = nullptr;
        for (ssize_t size = nghttp2_session_mem_send(session_, &data); size > 0;
             size = nghttp2_session_mem_send(session_, &data)) {
            out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
        }
        return out;
    }

private:
    static std::uint8_t* bytes(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }

    static Server& of(void* user) { return *static_cast<Server*>(user); }

    static int on_header(nghttp2_session* /*session*/,
                         const nghttp2_frame* frame,
                         const std::uint8_t* name,
                         std::size_t name_size,
                         const std::uint8_t* value,
                         std::size_t value_size,
                         std::uint8_t /*flags*/,
                         void* user) {
        of(user).streams[frame->hd.stream_id].fields.emplace(
            std::string(reinterpret_cast<const char*>(name), name_size),
            std::string(reinterpret_cast<const char*>(value), value_size));
        return 0;
    }

    static int on_data(nghttp2_session* /*session*/,
                       std::uint8_t /*flags*/,
                       std::int32_t stream,
                       const std::uint8_t* data,
                       std::size_t size,
                       void* user) {
        of(user).streams[stream].body.append(reinterpret_cast<const char*>(data), size);
        return 0;
    }

    static int on_frame(nghttp2_session* /*session*/, const nghttp2_frame* frame, void* user) {
        if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && frame->hd.type != NGHTTP2_SETTINGS) {
            of(user).streams[frame->hd.stream_id].whole = true;
        }
        if (frame->hd.type == NGHTTP2_RST_STREAM) {
            of(user).streams[frame->hd.stream_id].reset = frame->rst_stream.error_code;
        }
        return 0;
    }

    static ssize_t give(nghttp2_session* /*session*/,
                        std::int32_t /*stream*/,
                        std::uint8_t* out,
                        std::size_t size,
                        std::uint32_t* flags,
                        nghttp2_data_source* source,
                        void* /*user*/) {
        Server& me = *static_cast<Server*>(source->ptr);
        if (me.body_.empty() && !me.end_) {
            return NGHTTP2_ERR_DEFERRED;
        }
        const std::size_t count = std::min(size, me.body_.size());
        std::copy_n(me.body_.data(), count, out);
        me.body_.erase(0, count);
        if (me.body_.empty() && me.end_) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
        }
        return static_cast<ssize_t>(count);
    }

    nghttp2_session* session_ = nullptr;
    std::string body_;
    bool end_ = true;
};

/// What the session told, as one line.
struct Told final : Http2Session::Listener {
    std::string log;
    std::map<ExchangeId, std::string> bodies;

    void on_head(ExchangeId id, const http::ResponseHead& head) override {
        say(id, "head " + std::to_string(head.status) + (head.event_stream ? " stream" : ""));
    }

    void on_body(ExchangeId id, char* data, std::size_t size) override { bodies[id].append(data, size); }

    void on_end(ExchangeId id) override { say(id, "end"); }

    void on_reset(ExchangeId id, std::string_view why, bool refused) override {
        say(id, (refused ? "refused " : "reset ") + std::string(why));
    }

    void say(ExchangeId id, const std::string& what) {
        log += std::to_string(static_cast<std::uint32_t>(id)) + " " + what + "; ";
    }
};

/// A session and its server, and bytes carried between them in pieces of `step`.
struct Pair {
    Server server;
    Http2Session client;
    Told told;
    std::size_t step = 1 << 20;
    bool alive = true;

    explicit Pair(std::uint32_t most_streams = 100)
        : server(most_streams) {}

    void to_client(std::string bytes) {
        const std::size_t size = bytes.size();
        bytes.append(http::SseParser::k_padding, '\0');
        for (std::size_t at = 0; at < size && alive; at += step) {
            alive = client.feed(bytes.data() + at, std::min(step, size - at), told);
        }
    }

    void carry() {
        for (int round = 0; round < 20; ++round) {
            std::string out;
            client.fill(out, told);
            const std::string in = server.say();
            if (!out.empty()) {
                server.take(out);
            }
            to_client(in + server.say());
        }
    }

    std::int32_t send(ExchangeId id, std::string_view body = "{}") {
        const std::int32_t stream = client.submit(id, k_head, body, true);
        carry();
        return stream;
    }
};

}  // namespace

TEST_CASE("A request goes out in the fields of HTTP/2 and its answer comes back, however frames are cut") {
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{10}, std::size_t{1} << 20}) {
        Pair pair;
        pair.step = step;
        CHECK(!pair.client.ready());
        pair.carry();
        CHECK(pair.client.ready());
        CHECK(pair.client.limit() == 100);
        const std::int32_t stream = pair.send(k_first);
        const Server::Heard& heard = pair.server.streams.at(stream);
        CHECK(heard.fields == std::map<std::string, std::string>{{":method", "POST"},
                                                                 {":scheme", "https"},
                                                                 {":authority", "h:1"},
                                                                 {":path", "/v1/chat"},
                                                                 {"x-request-id", "7"},
                                                                 {"content-length", "2"}});
        CHECK(heard.body == "{}");
        CHECK(heard.whole);
        CHECK(pair.client.sent() == std::vector<ExchangeId>{k_first});
        pair.server.answer(stream, {{":status", "200"}, {"content-type", "text/event-stream"}}, "data: 1\n\n");
        pair.carry();
        CHECK(pair.told.log == "0 head 200 stream; 0 end; ");
        CHECK(pair.told.bodies[k_first] == "data: 1\n\n");
        CHECK(pair.alive);
    }
}

TEST_CASE("Streams are told apart, and a large body goes through both sides' windows") {
    Pair pair;
    pair.carry();
    const std::string large(3 << 20, 'x');
    const std::int32_t first = pair.client.submit(k_first, "POST / HTTP/1.1\r\nHost: h\r\n\r\n", large, false);
    const std::int32_t second = pair.send(k_second);
    for (int i = 0; i < 40; ++i) {
        pair.carry();
    }
    CHECK(pair.server.streams.at(first).body == large);
    CHECK(pair.server.streams.at(first).whole);
    pair.server.answer(second, {{":status", "200"}}, large);
    pair.carry();
    CHECK(pair.told.bodies[k_second] == large);
    CHECK(pair.told.log == "1 head 200; 1 end; ");
}

TEST_CASE("Interim heads are passed over, up to a limit, and so are trailers") {
    Pair pair;
    pair.carry();
    const std::int32_t stream = pair.send(k_first);
    std::string name = ":status";
    std::string value = "103";
    const nghttp2_nv early{reinterpret_cast<std::uint8_t*>(name.data()),
                           reinterpret_cast<std::uint8_t*>(value.data()),
                           name.size(),
                           value.size(),
                           NGHTTP2_NV_FLAG_NONE};
    nghttp2_submit_headers(*pair.server, NGHTTP2_FLAG_NONE, stream, nullptr, &early, 1, nullptr);
    pair.carry();
    CHECK(pair.told.log.empty());
    pair.server.answer(stream, {{":status", "204"}}, "");
    pair.carry();
    CHECK(pair.told.log == "0 head 204; 0 end; ");
    const std::int32_t stormy = pair.send(k_second);
    for (int i = 0; i < 20; ++i) {
        nghttp2_submit_headers(*pair.server, NGHTTP2_FLAG_NONE, stormy, nullptr, &early, 1, nullptr);
    }
    pair.carry();
    CHECK(pair.told.log == "0 head 204; 0 end; 1 reset more than 16 interim (1xx) answers; ");
}

TEST_CASE("A head that is too large or coded in a way nobody reads ends its stream only") {
    Pair pair;
    pair.carry();
    const std::int32_t coded = pair.send(k_first);
    pair.server.answer(coded, {{":status", "200"}, {"content-encoding", "br"}}, "x");
    pair.carry();
    CHECK(pair.told.log == "0 reset a content encoding that is not read here; ");
    CHECK(pair.server.streams.at(coded).reset == NGHTTP2_PROTOCOL_ERROR);
    const std::int32_t good = pair.send(k_second);
    pair.server.answer(good, {{":status", "200"}}, "y");
    pair.carry();
    CHECK(pair.told.bodies[k_second] == "y");
}

TEST_CASE("A reset is told with its name, and a refused request as such") {
    Pair pair;
    pair.carry();
    nghttp2_submit_rst_stream(*pair.server, NGHTTP2_FLAG_NONE, pair.send(k_first), NGHTTP2_INTERNAL_ERROR);
    nghttp2_submit_rst_stream(*pair.server, NGHTTP2_FLAG_NONE, pair.send(k_second), NGHTTP2_REFUSED_STREAM);
    pair.carry();
    CHECK(pair.told.log ==
          "0 reset the stream was reset: INTERNAL_ERROR; 1 refused the stream was reset: REFUSED_STREAM; ");
    CHECK(pair.alive);
}

TEST_CASE("What is let go is cancelled and not told of any more") {
    Pair pair;
    pair.carry();
    const std::int32_t stream = pair.send(k_first);
    pair.server.answer(stream, {{":status", "200"}}, "begun", false);
    pair.carry();
    pair.client.let_go(stream);
    pair.carry();
    CHECK(pair.server.streams.at(stream).reset == NGHTTP2_CANCEL);
    CHECK(pair.told.log == "0 head 200; ");
    pair.client.let_go(stream);
    pair.client.let_go(99);
    CHECK(pair.alive);
}

TEST_CASE("A server that goes away finishes what it has begun and refuses the rest") {
    Pair pair;
    pair.carry();
    const std::int32_t first = pair.send(k_first);
    pair.send(k_second);
    nghttp2_submit_goaway(*pair.server, NGHTTP2_FLAG_NONE, first, NGHTTP2_NO_ERROR, nullptr, 0);
    pair.carry();
    CHECK(pair.client.going_away());
    CHECK_THAT(pair.told.log, Catch::StartsWith("1 refused "));
    pair.server.answer(first, {{":status", "200"}}, "z");
    pair.carry();
    CHECK(pair.told.bodies[k_first] == "z");
    CHECK(pair.client.submit(k_second, k_head, "{}", true) == 0);
}

TEST_CASE("A server that speaks something else ends the connection, with words") {
    Pair pair;
    std::string preface;
    pair.client.fill(preface, pair.told);
    CHECK(preface.starts_with("PRI * HTTP/2.0\r\n"));
    pair.to_client("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    CHECK(!pair.client.over());  // it says farewell first
    pair.client.fill(preface, pair.told);
    CHECK(pair.client.over());
    CHECK(!pair.client.error().empty());
    CHECK(!pair.client.ready());
}

TEST_CASE("A server's limit of streams is known once its settings are there") {
    Pair pair(3);
    pair.carry();
    CHECK(pair.client.limit() == 3);
}
