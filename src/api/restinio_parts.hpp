#pragma once

#include "access.hpp"
#include "routes.hpp"
#include "tracked_socket.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <restinio/all.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

// Connections are made from RESTinio's parts and not by its acceptor, which stops accepting for good after one failed
// accept (too few descriptors), cannot listen on several addresses, and drops what waits when it is closed.
static_assert(RESTINIO_VERSION_MAJOR == 0 && (RESTINIO_VERSION_MINOR == 6 || RESTINIO_VERSION_MINOR == 7),
              "check this file and server.cpp against this version of RESTinio");

namespace aiperf::api {

inline constexpr std::size_t k_piece_bytes = 64 * 1024;
inline constexpr std::size_t k_slack = 4;  // the library just closes beyond its limits; ours, below, are told

using RequestHandle = restinio::request_handle_t;
using Handled = restinio::request_handling_status_t;
using Builder = restinio::response_builder_t<restinio::user_controlled_output_t>;

struct Traits : restinio::default_single_thread_traits_t {
    using stream_socket_t = TrackedSocket;
    using request_handler_t = std::function<Handled(RequestHandle)>;
};

using ServerSettings = restinio::server_settings_t<Traits>;
using ConnectionSettings = restinio::impl::connection_settings_t<Traits>;
using ConnectionFactory = restinio::impl::connection_factory_t<Traits>;
using Lifetime = restinio::connection_count_limit_types<Traits>::lifetime_monitor_t;
using NoLimiter = restinio::connection_count_limit_types<Traits>::limiter_t;

inline restinio::incoming_http_msg_limits_t hard_limits(const Limits& limits) {
    return restinio::incoming_http_msg_limits_t{}
        .max_url_size(limits.request_line_bytes * k_slack)
        .max_field_name_size(limits.header_bytes)
        .max_field_value_size(limits.header_bytes * k_slack)
        .max_field_count(limits.header_count * k_slack)
        .max_body_size(limits.body_bytes * k_slack);
}

inline Request request_of(const RequestHandle& handle) {
    const auto& header = handle->header();
    Request request;
    request.method = header.method().c_str();
    request.target = without_token(header.request_target());
    request.if_none_match = header.get_field_or(restinio::http_field::if_none_match, "");
    return request;
}

inline std::string_view field_of(const RequestHandle& handle, restinio::http_field field) {
    const auto& header = handle->header();
    return header.has_field(field) ? std::string_view(header.get_field(field)) : std::string_view{};
}

/// `connection` null: it has gone.
inline Asking asking_of(const RequestHandle& handle, const Connection* connection) {
    const auto& header = handle->header();
    Asking asking;
    asking.method = header.method().c_str();
    asking.target = header.request_target();
    if (header.has_field(restinio::http_field::host)) {
        asking.host = field_of(handle, restinio::http_field::host);
    }
    asking.origin = field_of(handle, restinio::http_field::origin);
    asking.authorization = field_of(handle, restinio::http_field::authorization);
    asking.preflight_method = field_of(handle, restinio::http_field::access_control_request_method);
    // The library does not say which version a request is of: one of 1.0 ends its connection without being told to.
    asking.has_to_name_host = header.should_keep_alive() || header.has_field("Connection");
    asking.upgrade = header.has_field(restinio::http_field::upgrade);
    asking.by_socket = connection != nullptr && connection->way == Way::unix_socket;
    return asking;
}

/// What tells clients apart, for those that come again: what one calls itself, or its address and program.
inline std::string client_of(const RequestHandle& handle, const Connection* connection) {
    constexpr std::size_t k_longest = 256;
    const auto& header = handle->header();
    std::string client = header.has_field("X-AIPerf-Client")
                             ? "name " + header.get_field("X-AIPerf-Client")
                             : "from " + (connection == nullptr ? std::string{} : connection->from) + ' ' +
                                   std::string(field_of(handle, restinio::http_field::user_agent));
    client.resize(std::min(client.size(), k_longest));
    return client;
}

inline std::size_t header_bytes(const RequestHandle& handle) {
    std::size_t bytes = 0;
    handle->header().for_each_field([&](const auto& field) { bytes += field.name().size() + field.value().size(); });
    return bytes;
}

inline const char* reason_of(int status) {
    switch (status) {
        case 200: return "OK";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 409: return "Conflict";
        case 413: return "Payload Too Large";
        case 414: return "URI Too Long";
        case 431: return "Request Header Fields Too Large";
        case 503: return "Service Unavailable";
        default: return "Internal Server Error";
    }
}

class Download;
using Downloads = std::set<std::shared_ptr<Download>>;

/// A file on its way to a client, a piece at a time. Its set owns it: the library keeps the callbacks of a write that
/// never ends, and these must not keep the connection.
class Download : public std::enable_shared_from_this<Download> {
public:
    Download(asio::io_context& io,
             Downloads& all,
             Builder builder,
             std::shared_ptr<ArtifactFile> file,
             std::shared_ptr<Connection> connection)
        : io_(io),
          all_(all),
          builder_(std::move(builder)),
          file_(std::move(file)),
          connection_(std::move(connection)) {}

    void send_next() {
        const std::uint64_t left = file_->size() - offset_;
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, k_piece_bytes));
        std::string piece = file_->read(offset_, wanted);
        if (piece.size() < wanted) {
            // The promised length cannot be kept: a visibly short body, not a padded one.
            connection_->cut();
            all_.erase(shared_from_this());
            return;
        }
        offset_ += wanted;
        builder_.append_body(std::move(piece));
        if (offset_ == file_->size()) {
            builder_.done();
            all_.erase(shared_from_this());
            return;
        }
        builder_.flush([weak = weak_from_this()](const asio::error_code& error) {
            if (const auto self = weak.lock()) {
                self->after_piece(error);
            }
        });
    }

private:
    void after_piece(const asio::error_code& error) {
        if (error) {
            all_.erase(shared_from_this());
            return;
        }
        asio::post(io_, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) {
                self->send_next();
            }
        });
    }

    asio::io_context& io_;
    Downloads& all_;
    Builder builder_;
    std::shared_ptr<ArtifactFile> file_;
    std::shared_ptr<Connection> connection_;
    std::uint64_t offset_ = 0;
};

}  // namespace aiperf::api
