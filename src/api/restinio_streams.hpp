#pragma once

#include "live_client.hpp"
#include "restinio_parts.hpp"
#include "stream_request.hpp"

// Between the HTTP library and the streams. Its own part for WebSockets is not used: it queues what a client does not
// read without a bound, checks no UTF-8 unless asked for each message, and ends connections instead of closing them.
namespace aiperf::api {

inline StreamRequest stream_request_of(const RequestHandle& handle) {
    const auto& header = handle->header();
    StreamRequest request;
    request.method = header.method().c_str();
    request.target = header.request_target();
    request.connection = header.get_field_or("Connection", "");
    request.upgrade = header.get_field_or(restinio::http_field::upgrade, "");
    request.key = header.get_field_or(restinio::http_field::sec_websocket_key, "");
    request.version = header.get_field_or(restinio::http_field::sec_websocket_version, "");
    request.last_event_id = header.get_field_or("Last-Event-ID", "");
    return request;
}

/// Takes the socket of a request away from the library, whose connection ends with that. Nothing has been answered, and
/// nothing is being read: one request at a time. What a client has sent behind an upgrade, before it could know the
/// answer, is lost; RFC 6455 forbids that.
inline TakenSocket take_socket(const RequestHandle& handle) {
    const auto held = std::move(restinio::impl::access_req_connection(*handle));
    auto& connection = dynamic_cast<restinio::impl::connection_t<Traits>&>(*held);
    return connection.move_upgrade_internals().m_socket.take();
}

}  // namespace aiperf::api
