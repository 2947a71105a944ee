#pragma once

#include "aiperf/load/target.hpp"
#include "aiperf/load/tls.hpp"

#include <cstdint>
#include <string>
#include <string_view>

// The words of AIPerf for what goes wrong: exports carry them, and scripts look for them.

namespace aiperf::load {

/// `text` as Python's repr() writes it. Not UTF-8 stays as it is.
[[nodiscard]] std::string python_repr(std::string_view text);

/// An operating system's error as Python's exception of its number writes itself: "ConnectionResetError(104,
/// 'Connection reset by peer')".
[[nodiscard]] std::string os_error_text(int error_number);

/// The connection broke before a head came.
[[nodiscard]] std::string client_os_error_text(int error_number);

/// No connection to `target`, at its last address.
[[nodiscard]] std::string connect_error_text(const Target& target, const Address& address, int error_number);

/// The connection ended before it could carry a request: while TLS was set up (`tls`), or by a proxy. `error_number` 0
/// = closed in good order.
[[nodiscard]] std::string greeting_error_text(const Target& target, bool tls, int error_number);

/// A proxy does not lead to `target`; `words` say why.
[[nodiscard]] std::string proxy_error_text(const Target& target, std::string_view words);

/// TLS with `target` failed.
[[nodiscard]] std::string tls_error_text(const Target& target, const TlsSession& session);

/// HTTP/2 with `target` went wrong.
[[nodiscard]] std::string http2_error_text(const Target& target, std::string_view words);

/// A body whose end only the connection's end tells, and TLS says it was cut.
[[nodiscard]] std::string tls_cut_text();

/// The body ended too early. `chunked`: it came in chunks; else its length was announced. `error_number` 0 = closed in
/// good order.
[[nodiscard]] std::string payload_error_text(bool chunked, int error_number);

/// An event named `name` (an error) with its joined `data`, completed by a read at `read_ns` (CLOCK_MONOTONIC).
[[nodiscard]] std::string sse_error_text(std::string_view name, std::string_view data, std::int64_t read_ns);

}  // namespace aiperf::load
