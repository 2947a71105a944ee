#pragma once

#include "access.hpp"
#include "downloads.hpp"
#include "routes.hpp"
#include "tracked_socket.hpp"

#include <restinio/all.hpp>

#include <algorithm>
#include <functional>
#include <string>

// Connections are made from RESTinio's parts and not by its acceptor, which stops accepting for good after one failed
// accept (too few descriptors), cannot listen on several addresses, and drops what waits when it is closed.
static_assert(RESTINIO_VERSION_MAJOR == 0 && (RESTINIO_VERSION_MINOR == 6 || RESTINIO_VERSION_MINOR == 7),
              "check this file and server.cpp against this version of RESTinio");

namespace aiperf::api {

inline constexpr std::size_t k_slack = 4;  // the library just closes beyond its limits; ours, below, are told

using RequestHandle = restinio::request_handle_t;
using Handled = restinio::request_handling_status_t;

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

/// Names without blanks, values without control characters: the library lets through what others would read otherwise.
inline bool is_well_formed(const restinio::http_request_header_t& header) {
    bool good = true;
    header.for_each_field([&](const auto& field) {
        const auto is_visible = [](char c) { return c > ' ' && c < '\x7f'; };
        const auto is_text = [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f'); };
        good = good && std::all_of(field.name().begin(), field.name().end(), is_visible) &&
               std::all_of(field.value().begin(), field.value().end(), is_text);
    });
    return good;
}

/// The library's, which also keep the version the client speaks and refuse headers that are not well-formed.
inline http_parser_settings parser_settings() {
    http_parser_settings settings = restinio::impl::create_parser_settings<Traits::http_methods_mapper_t>();
    settings.on_headers_complete = [](http_parser* parser) {
        auto& header = static_cast<restinio::impl::http_parser_ctx_t*>(parser->data)->m_header;
        header.http_major(parser->http_major);
        header.http_minor(parser->http_minor);
        constexpr int k_refused = -1;
        const int result = restinio::impl::restinio_headers_complete_cb(parser);
        return result == 0 && !is_well_formed(header) ? k_refused : result;
    };
    return settings;
}

inline Request request_of(const RequestHandle& handle) {
    const auto& header = handle->header();
    Request request;
    request.method = header.method().c_str();
    request.target = without_token(header.request_target());
    request.if_none_match = header.get_field_or(restinio::http_field::if_none_match, "");
    request.if_modified_since = header.get_field_or(restinio::http_field::if_modified_since, "");
    request.range = header.get_field_or(restinio::http_field::range, "");
    request.if_range = header.get_field_or(restinio::http_field::if_range, "");
    request.accept_encoding = header.get_field_or(restinio::http_field::accept_encoding, "");
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
    asking.has_to_name_host = header.http_major() == 1 && header.http_minor() >= 1;
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

/// Whether answers with a status never have a body, nor say a length.
inline bool is_bodiless(int status) {
    return status == 204 || status == 304;
}

/// How an answer is framed for this client.
inline Framing framing_of(const RequestHandle& handle, const Answer& answer) {
    if (handle->header().method() == restinio::http_method_head() || is_bodiless(answer.status)) {
        return Framing::none;
    }
    if (answer.length()) {
        return Framing::length;
    }
    const bool knows_chunks = handle->header().http_major() == 1 && handle->header().http_minor() >= 1;
    return knows_chunks ? Framing::chunked : Framing::to_the_end;
}

inline const char* reason_of(int status) {
    switch (status) {
        case 200: return "OK";
        case 204: return "No Content";
        case 206: return "Partial Content";
        case 304: return "Not Modified";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 409: return "Conflict";
        case 413: return "Payload Too Large";
        case 414: return "URI Too Long";
        case 416: return "Range Not Satisfiable";
        case 426: return "Upgrade Required";
        case 431: return "Request Header Fields Too Large";
        case 503: return "Service Unavailable";
        case 505: return "HTTP Version Not Supported";
        default: return "Internal Server Error";
    }
}

}  // namespace aiperf::api
