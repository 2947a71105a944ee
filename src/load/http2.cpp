#include "aiperf/load/http2.hpp"

#include "aiperf/base/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <nghttp2/nghttp2.h>
#include <utility>

namespace aiperf::load {

namespace {

// Large enough that an answer never waits for us to say that it may go on.
constexpr std::int32_t k_stream_window = 16 << 20;
constexpr std::int32_t k_connection_window = 1 << 30;

std::string_view text_of(const std::uint8_t* data, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(data), size};  // NOLINT: bytes
}

std::uint8_t* bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // NOLINT: nghttp2 only reads
}

nghttp2_nv field(std::string_view name, std::string_view value) noexcept {
    return {bytes_of(name), bytes_of(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

/// Fields of HTTP/1.1 that belong to the connection, or are told otherwise in HTTP/2.
bool is_left_out(std::string_view name) noexcept {
    return name == "host" || name == "connection" || name == "keep-alive" || name == "proxy-connection" ||
           name == "transfer-encoding" || name == "upgrade" || name == "te";
}

}  // namespace

struct Http2Session::Stream {
    ExchangeId exchange = ExchangeId::none;  // none: let go
    std::string_view body;                   // what is to be sent of it
    http::ResponseHead head;
    std::string location;
    std::size_t head_bytes = 0;
    int interim = 0;
    bool told = false;   // the final head
    bool ended = false;  // the answer
    std::string why;     // it is reset by us
};

struct Http2Session::Handle {
    nghttp2_session* session = nullptr;

    Handle() = default;
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    ~Handle() { nghttp2_session_del(session); }
};

struct Http2Session::Callbacks {
    static Http2Session& self(void* user) { return *static_cast<Http2Session*>(user); }

    static Stream* stream_of(nghttp2_session* session, std::int32_t id) {
        return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
    }

    /// Ends a stream whose answer breaks a rule of ours.
    static void refuse(nghttp2_session* session, std::int32_t id, Stream& stream, http::ParseError error) {
        stream.why = http::message(error);
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_PROTOCOL_ERROR);
    }

    static int header(nghttp2_session* session,
                      const nghttp2_frame* frame,
                      const std::uint8_t* name,
                      std::size_t name_size,
                      const std::uint8_t* value,
                      std::size_t value_size,
                      std::uint8_t /*flags*/,
                      void* /*user*/) {
        Stream* const stream = stream_of(session, frame->hd.stream_id);
        if (stream == nullptr || stream->told || !stream->why.empty()) {
            return 0;  // let go, or a trailer
        }
        const std::string_view key = text_of(name, name_size);
        const std::string_view text = text_of(value, value_size);
        stream->head_bytes += name_size + value_size;
        if (stream->head_bytes > http::ResponseParser::k_head_limit) {
            refuse(session, frame->hd.stream_id, *stream, http::ParseError::head_too_large);
        } else if (key == ":status") {
            std::from_chars(text.data(), text.data() + text.size(), stream->head.status);
        } else if (key == "location") {
            stream->location = text;
        } else if (const http::ParseError error = take_field(stream->head, key, text);
                   error != http::ParseError::none) {
            refuse(session, frame->hd.stream_id, *stream, error);
        }
        return 0;
    }

    static int frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
        Http2Session& me = self(user);
        if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) {
            me.ready_ = true;
        } else if (frame->hd.type == NGHTTP2_GOAWAY) {
            me.going_away_ = true;
            me.error_ =
                std::string("the server ended the connection: ") + nghttp2_http2_strerror(frame->goaway.error_code);
            const std::string_view more = text_of(frame->goaway.opaque_data, frame->goaway.opaque_data_len);
            if (std::all_of(more.begin(), more.end(), [](char c) { return c >= ' ' && c <= '~'; }) && !more.empty()) {
                me.error_.append(" (").append(more).append(")");
            }
        }
        Stream* const stream = stream_of(session, frame->hd.stream_id);
        if (stream == nullptr || stream->exchange == ExchangeId::none || !stream->why.empty()) {
            return 0;
        }
        if (frame->hd.type == NGHTTP2_HEADERS && !stream->told) {
            head_complete(me, session, frame->hd.stream_id, *stream);
        }
        const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (last && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) && stream->told) {
            stream->ended = true;
            if (stream->exchange != ExchangeId::none) {
                me.listener_->on_end(stream->exchange);
            }
        }
        return 0;
    }

    static void head_complete(Http2Session& me, nghttp2_session* session, std::int32_t id, Stream& stream) {
        if (stream.head.status >= 200) {
            stream.told = true;
            stream.head.location = stream.location;
            stream.head.reason = http::reason_phrase(stream.head.status);
            me.listener_->on_head(stream.exchange, stream.head);
        } else if (++stream.interim > http::ResponseParser::k_interim_limit) {
            refuse(session, id, stream, http::ParseError::interim_answers);
        } else {
            stream.head = {};
            stream.location.clear();
        }
    }

    static int data(nghttp2_session* session,
                    std::uint8_t /*flags*/,
                    std::int32_t id,
                    const std::uint8_t* bytes,
                    std::size_t size,
                    void* user) {
        const Stream* const stream = stream_of(session, id);
        if (stream != nullptr && stream->exchange != ExchangeId::none && stream->why.empty()) {
            // It lies in the bytes that were fed, which are the caller's to change.
            auto* const out = const_cast<char*>(text_of(bytes, size).data());  // NOLINT
            self(user).listener_->on_body(stream->exchange, out, size);
        }
        return 0;
    }

    static int closed(nghttp2_session* session, std::int32_t id, std::uint32_t code, void* user) {
        Http2Session& me = self(user);
        const auto node = me.streams_.extract(id);
        if (node.empty() || node.mapped()->exchange == ExchangeId::none || node.mapped()->ended) {
            return 0;
        }
        nghttp2_session_set_stream_user_data(session, id, nullptr);
        const Stream& stream = *node.mapped();
        const std::string why =
            stream.why.empty() ? std::string("the stream was reset: ") + nghttp2_http2_strerror(code) : stream.why;
        me.listener_->on_reset(stream.exchange, why, code == NGHTTP2_REFUSED_STREAM);
        return 0;
    }

    /// A request that the session has taken and cannot send any more, since the server goes away.
    static int not_sent(nghttp2_session* /*session*/, const nghttp2_frame* frame, int code, void* user) {
        Http2Session& me = self(user);
        if (frame->hd.type != NGHTTP2_HEADERS) {
            return 0;
        }
        const auto node = me.streams_.extract(frame->hd.stream_id);
        if (!node.empty() && node.mapped()->exchange != ExchangeId::none) {
            std::erase(me.sent_, node.mapped()->exchange);
            me.listener_->on_reset(node.mapped()->exchange, nghttp2_strerror(code), true);
        }
        return 0;
    }

    static ssize_t body(nghttp2_session* /*session*/,
                        std::int32_t /*id*/,
                        std::uint8_t* out,
                        std::size_t size,
                        std::uint32_t* flags,
                        nghttp2_data_source* source,
                        void* user) {
        Stream& stream = *static_cast<Stream*>(source->ptr);
        const std::size_t count = std::min(size, stream.body.size());
        std::memcpy(out, stream.body.data(), count);
        stream.body.remove_prefix(count);
        if (stream.body.empty()) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            if (stream.exchange != ExchangeId::none) {
                self(user).sent_.push_back(stream.exchange);
            }
        }
        return static_cast<ssize_t>(count);
    }

    static int error(nghttp2_session* /*session*/, int /*code*/, const char* words, std::size_t size, void* user) {
        Http2Session& me = self(user);
        if (me.error_.empty()) {
            me.error_.assign(words, size);
        }
        return 0;
    }

    static nghttp2_session_callbacks* make() {
        nghttp2_session_callbacks* callbacks = nullptr;
        if (nghttp2_session_callbacks_new(&callbacks) != 0) {
            throw std::bad_alloc();
        }
        nghttp2_session_callbacks_set_on_header_callback(callbacks, &header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &closed);
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, &not_sent);
        nghttp2_session_callbacks_set_error_callback2(callbacks, &error);
        return callbacks;
    }
};

Http2Session::Http2Session()
    : handle_(std::make_unique<Handle>()) {
    nghttp2_session_callbacks* const callbacks = Callbacks::make();
    const int result = nghttp2_session_client_new(&handle_->session, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    if (result != 0) {
        throw std::bad_alloc();
    }
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                               {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, k_stream_window}};
    nghttp2_submit_settings(handle_->session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
    nghttp2_session_set_local_window_size(handle_->session, NGHTTP2_FLAG_NONE, 0, k_connection_window);
}

Http2Session::~Http2Session() = default;

std::int32_t Http2Session::submit(ExchangeId id, std::string_view head, std::string_view body, bool tls) {
    if (going_away_) {
        return 0;
    }
    auto stream = std::make_unique<Stream>();
    stream->exchange = id;
    stream->body = body;
    const std::string names = base::lower(head);  // as HTTP/2 has them; it stays until the fields are taken
    const std::size_t blank = head.find(' ');
    const std::size_t path = blank + 1;
    std::vector<nghttp2_nv> fields{field(":method", head.substr(0, blank)),
                                   field(":scheme", tls ? "https" : "http"),
                                   field(":authority", ""),
                                   field(":path", head.substr(path, head.find(' ', path) - path))};
    for (std::size_t at = head.find("\r\n") + 2; head.compare(at, 2, "\r\n") != 0; at = head.find("\r\n", at) + 2) {
        const std::size_t colon = head.find(':', at);
        const std::string_view name = std::string_view(names).substr(at, colon - at);
        const std::string_view value = base::trim(head.substr(colon + 1, head.find("\r\n", at) - colon - 1));
        if (name == "host") {
            fields[2] = field(":authority", value);
        } else if (!is_left_out(name)) {
            fields.push_back(field(name, value));
        }
    }
    nghttp2_data_provider provider{.source = {.ptr = stream.get()}, .read_callback = &Callbacks::body};
    const std::int32_t number = nghttp2_submit_request(
        handle_->session, nullptr, fields.data(), fields.size(), body.empty() ? nullptr : &provider, stream.get());
    if (number <= 0) {
        return 0;
    }
    if (body.empty()) {
        sent_.push_back(id);
    }
    streams_.emplace(number, std::move(stream));
    return number;
}

void Http2Session::let_go(std::int32_t id) {
    Stream* const stream = Callbacks::stream_of(handle_->session, id);
    if (stream == nullptr || stream->exchange == ExchangeId::none) {
        return;
    }
    std::erase(sent_, std::exchange(stream->exchange, ExchangeId::none));
    if (!stream->ended || !stream->body.empty()) {
        nghttp2_submit_rst_stream(handle_->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    }
}

bool Http2Session::feed(char* data, std::size_t size, Listener& listener) {
    listener_ = &listener;
    const ssize_t used = nghttp2_session_mem_recv(handle_->session, bytes_of({data, size}), size);
    listener_ = nullptr;
    if (used < 0 && error_.empty()) {
        error_ = nghttp2_strerror(static_cast<int>(used));
    }
    return used >= 0;
}

bool Http2Session::over() const noexcept {
    return nghttp2_session_want_read(handle_->session) == 0 && nghttp2_session_want_write(handle_->session) == 0;
}

void Http2Session::fill(std::string& output, Listener& listener) {
    listener_ = &listener;
    const std::uint8_t* bytes = nullptr;
    for (ssize_t size = nghttp2_session_mem_send(handle_->session, &bytes); size > 0;
         size = nghttp2_session_mem_send(handle_->session, &bytes)) {
        output.append(text_of(bytes, static_cast<std::size_t>(size)));
    }
    listener_ = nullptr;
}

std::size_t Http2Session::limit() const noexcept {
    return nghttp2_session_get_remote_settings(handle_->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

}  // namespace aiperf::load
