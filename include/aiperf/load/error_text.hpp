#pragma once

#include "aiperf/load/target.hpp"

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

/// No connection to `target`.
[[nodiscard]] std::string connect_error_text(const Target& target, int error_number);

/// The body ended too early. `chunked`: it came in chunks; else its length was announced. `error_number` 0 = closed in
/// good order.
[[nodiscard]] std::string payload_error_text(bool chunked, int error_number);

/// An event named `name` (an error) with its joined `data`, completed by a read at `read_ns` (CLOCK_MONOTONIC).
[[nodiscard]] std::string sse_error_text(std::string_view name, std::string_view data, std::int64_t read_ns);

}  // namespace aiperf::load
