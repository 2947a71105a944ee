#include "aiperf/record/record_set.hpp"

namespace aiperf::record {

namespace {

/// Exception a text begins with, "Name(...)".
std::string name_in(std::string_view text, const char* otherwise) {
    const std::size_t open = text.find('(');
    return open == std::string_view::npos || open == 0 ? otherwise : std::string(text.substr(0, open));
}

}  // namespace

// The error text of an http_status record is "<reason phrase>\n<body>"; of every other kind it is the message itself.
ErrorDetails error_details(const RecordSet& set, const Record& record) {
    const std::string_view text = set.error_text(record);
    switch (static_cast<ErrorKind>(record.error)) {
        case ErrorKind::none: break;
        case ErrorKind::http_status: {
            const std::size_t cut = text.find('\n');
            return {record.http_status,
                    std::string(text.substr(0, cut)),
                    cut == std::string_view::npos ? std::string{} : std::string(text.substr(cut + 1))};
        }
        case ErrorKind::no_content: return {0, "InvalidInferenceResultError", std::string(text)};
        case ErrorKind::cancelled: return {499, "RequestCancellationError", std::string(text)};
        case ErrorKind::timeout: return {0, "TimeoutError", std::string(text)};
        case ErrorKind::connect: return {0, name_in(text, "ClientConnectorError"), std::string(text)};
        case ErrorKind::tls: return {0, name_in(text, "ClientConnectorSSLError"), std::string(text)};
        case ErrorKind::reset: return {0, "ClientOSError", std::string(text)};
        case ErrorKind::disconnected: return {0, "ServerDisconnectedError", std::string(text)};
        case ErrorKind::payload: return {0, "ClientPayloadError", std::string(text)};
        case ErrorKind::sse_error: return {502, "SSEResponseError", std::string(text)};
        case ErrorKind::protocol: return {0, "ClientResponseError", std::string(text)};
        case ErrorKind::http2: return {0, "Http2Error", std::string(text)};
        case ErrorKind::lost:
            // Nobody was left to write a text.
            return {0,
                    "WorkerLostError",
                    text.empty() ? "WorkerLostError('The worker ended while the request was in flight')"
                                 : std::string(text)};
    }
    return {};
}

}  // namespace aiperf::record
