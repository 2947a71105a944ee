#include "aiperf/record/record_set.hpp"

#include <catch2/catch.hpp>

#include <string>

using aiperf::record::error_details;
using aiperf::record::ErrorDetails;
using aiperf::record::ErrorKind;
using aiperf::record::MemoryRecordSet;

namespace Catch {

template <>
struct StringMaker<ErrorDetails> {
    static std::string convert(const ErrorDetails& details) {
        return std::to_string(details.code) + " " + details.type + ": " + details.message;
    }
};

}  // namespace Catch

namespace {

ErrorDetails details_of(ErrorKind kind, const std::string& text, std::uint16_t http_status = 0) {
    MemoryRecordSet::Row row;
    row.record.error = static_cast<std::uint8_t>(kind);
    row.record.http_status = http_status;
    row.output_text = "output";
    row.error_text = text;
    const MemoryRecordSet set({}, {{}, row});
    return error_details(set, set.records()[1]);
}

}  // namespace

TEST_CASE("A bad status is told by its number, its reason and the body") {
    CHECK(details_of(ErrorKind::http_status, "Too Many Requests\n{\"error\": \"slow\ndown\"}", 429) ==
          ErrorDetails{429, "Too Many Requests", "{\"error\": \"slow\ndown\"}"});
    CHECK(details_of(ErrorKind::http_status, "Not Found\n", 404) == ErrorDetails{404, "Not Found", ""});
    CHECK(details_of(ErrorKind::http_status, "\nbody", 599) == ErrorDetails{599, "", "body"});
    CHECK(details_of(ErrorKind::http_status, "Reason", 500) == ErrorDetails{500, "Reason", ""});
}

TEST_CASE("Every other kind has AIPerf's type and code, and its own text") {
    CHECK(details_of(ErrorKind::no_content, "t", 200) == ErrorDetails{0, "InvalidInferenceResultError", "t"});
    CHECK(details_of(ErrorKind::cancelled, "t") == ErrorDetails{499, "RequestCancellationError", "t"});
    CHECK(details_of(ErrorKind::timeout, "t") == ErrorDetails{0, "TimeoutError", "t"});
    CHECK(details_of(ErrorKind::connect, "t") == ErrorDetails{0, "ClientConnectorError", "t"});
    CHECK(details_of(ErrorKind::http2, "t") == ErrorDetails{0, "Http2Error", "t"});
    CHECK(details_of(ErrorKind::tls, "t") == ErrorDetails{0, "ClientConnectorSSLError", "t"});
    CHECK(details_of(ErrorKind::tls, "ClientConnectorCertificateError('t')").type == "ClientConnectorCertificateError");
    CHECK(details_of(ErrorKind::reset, "t") == ErrorDetails{0, "ClientOSError", "t"});
    CHECK(details_of(ErrorKind::disconnected, "t") == ErrorDetails{0, "ServerDisconnectedError", "t"});
    CHECK(details_of(ErrorKind::payload, "t", 200) == ErrorDetails{0, "ClientPayloadError", "t"});
    CHECK(details_of(ErrorKind::sse_error, "t", 200) == ErrorDetails{502, "SSEResponseError", "t"});
    CHECK(details_of(ErrorKind::protocol, "t") == ErrorDetails{0, "ClientResponseError", "t"});
    CHECK(details_of(ErrorKind::lost, "t") == ErrorDetails{0, "WorkerLostError", "t"});
}

TEST_CASE("A lost request has words of its own, since nobody wrote any") {
    CHECK(details_of(ErrorKind::lost, "").message ==
          "WorkerLostError('The worker ended while the request was in flight')");
}

TEST_CASE("A kind from a damaged record gives no details and no harm") {
    CHECK(details_of(static_cast<ErrorKind>(200), "t") == ErrorDetails{});
}
