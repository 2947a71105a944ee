#include "aiperf/load/error_text.hpp"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <string>

using namespace aiperf::load;  // NOLINT: a test

TEST_CASE("Strings are quoted as Python's repr does") {
    using namespace std::string_literals;
    CHECK(python_repr("") == "''");
    CHECK(python_repr("plain") == "'plain'");
    CHECK(python_repr("it's") == "\"it's\"");
    CHECK(python_repr("say \"x\"") == "'say \"x\"'");
    CHECK(python_repr("it's \"x\"") == "'it\\'s \"x\"'");
    CHECK(python_repr("a\\b") == "'a\\\\b'");
    CHECK(python_repr("a\n\r\t\x01\x7f\0b"s) == "'a\\n\\r\\t\\x01\\x7f\\x00b'");
    CHECK(python_repr("Zürich 東京 🚀") == "'Zürich 東京 🚀'");
    CHECK(python_repr("\xC2\x80\xC2\xA0\xC2\xAD\xC2\xA1") == "'\\x80\\xa0\\xad\xC2\xA1'");
    CHECK(python_repr("\xC2") == "'\xC2'");
}

TEST_CASE("System errors have the names of Python's exceptions") {
    CHECK(os_error_text(ECONNRESET) == "ConnectionResetError(104, 'Connection reset by peer')");
    CHECK(os_error_text(EPIPE) == "BrokenPipeError(32, 'Broken pipe')");
    CHECK(os_error_text(ETIMEDOUT) == "TimeoutError(110, 'Connection timed out')");
    CHECK(os_error_text(EHOSTUNREACH) == "OSError(113, 'No route to host')");
    CHECK(client_os_error_text(EPIPE) == "ClientOSError(32, 'Broken pipe')");
}

TEST_CASE("A refused connection is told as AIPerf tells it") {
    Target target;
    target.name = "127.0.0.1:9";
    CHECK(connect_error_text(target, aiperf::load::Address::of_ip("127.0.0.1", 9), ECONNREFUSED) ==
          "ClientConnectorError(ConnectionKey(host='127.0.0.1', port=9, is_ssl=False, ssl=True, proxy=None, "
          "proxy_auth=None, proxy_headers_hash=None, server_hostname=None), ConnectionRefusedError(111, \"Connect call "
          "failed ('127.0.0.1', 9)\"))");
    target.name = "localhost:80";
    CHECK_THAT(connect_error_text(target, aiperf::load::Address::of_ip("::1", 80), ENETUNREACH),
               Catch::Contains("ConnectionKey(host='localhost', port=80, ") &&
                   Catch::Contains("OSError(101, \"Connect call failed ('::1', 80, 0, 0)\"))"));
}

TEST_CASE("An error event is told with its fields, one for each line of data") {
    CHECK(sse_error_text("error", "", 5) ==
          "SSEResponseError(\"Error occurred in SSE response: Unknown error in SSE response: SSEMessage(perf_ns=5, "
          "packets=[SSEField(name='event', value='error')])\")");
    CHECK_THAT(sse_error_text("error", "one\ntwo", 5),
               Catch::Contains("SSEField(name='data', value='one'), SSEField(name='data', value='two')])"));
}
