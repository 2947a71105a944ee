#pragma once

#include "aiperf/base/clock.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace aiperf::mock {

/// Whether a generated answer is a stream of events: as the request's `stream` says, or in any case.
enum class StreamMode : std::uint8_t { request, always, never };

/// Whether usage is reported. `request`: streams by `stream_options.include_usage`, other answers always.
enum class UsageMode : std::uint8_t { request, always, never };

/// After which answers the server closes the connection although the client would keep it.
enum class CloseMode : std::uint8_t { never, after_stream, always };

/// Words of the generated text: ASCII only, or with characters of two to four bytes.
enum class TextKind : std::uint8_t { plain, unicode };

/// Largest number of tokens of one generated answer.
inline constexpr std::uint32_t k_max_output_tokens = 1'000'000;

/// Everything a mock server can be told. A plain value; `validate` checks it, `Server` does so by itself.
struct Options {
    // Where it listens.
    std::string host = "127.0.0.1";  ///< an IPv4 or IPv6 address, or "localhost"
    std::uint16_t port = 0;          ///< 0: the system chooses
    unsigned workers = 1;            ///< threads, each with its own listener on the same port; 1 to 256

    // Timing of generated answers.
    base::Nanoseconds ttft{0};         ///< from the complete request to head, first event and first token
    base::Nanoseconds ttft_jitter{0};  ///< standard deviation of ttft (normal, cut at 0)
    base::Nanoseconds itl{0};          ///< between tokens; a chunk of k tokens comes k times this later
    base::Nanoseconds itl_jitter{0};   ///< standard deviation of each gap between chunks (normal, cut at 0)
    std::uint64_t seed = 0;            ///< of jitter and faults: equal seeds, equal draws per request number

    // Content of generated answers.
    std::vector<std::string> models{"mock-model"};  ///< listed by /v1/models; the first answers where none is asked
    std::uint32_t output_tokens = 64;               ///< where the request sets no limit; 1 to k_max_output_tokens
    bool ignore_max_tokens = false;                 ///< always output_tokens, whatever the request says
    std::uint32_t reasoning_tokens = 0;  ///< how many of a chat answer's tokens come first, as reasoning_content
    std::uint32_t tokens_per_chunk = 1;  ///< 1 to k_max_output_tokens
    StreamMode stream = StreamMode::request;
    UsageMode usage = UsageMode::request;
    TextKind text = TextKind::plain;
    bool split_utf8 = false;  ///< cut a multi-byte character of each event in two chunks and two writes; unicode text

    // Faults of generated answers: shares of requests in [0, 1], together at most 1; a request suffers at most one.
    double error_rate = 0;                 ///< answered with error_status and a JSON error, after ttft
    std::uint16_t error_status = 500;      ///< 400 to 599
    double reset_rate = 0;                 ///< connection reset (RST)
    double close_rate = 0;                 ///< connection closed (FIN) before the answer is complete
    double stall_rate = 0;                 ///< answer stops, and goes on after stall_time
    base::Nanoseconds stall_time{0};       ///< 0: for ever
    std::uint32_t fault_after_events = 0;  ///< events sent before a reset, close or stall; 0: not even the head

    // The wire.
    std::uint32_t write_bytes = 0;        ///< at most this many bytes per write; 0: no limit
    base::Nanoseconds write_interval{0};  ///< between the pieces made by write_bytes or split_utf8
    CloseMode close = CloseMode::never;
    bool announce_close = false;              ///< such a close is announced by `Connection: close`
    base::Nanoseconds idle_timeout{0};        ///< a connection without a request is closed after this; 0: never
    std::size_t max_head_bytes = 64U << 10U;  ///< larger request heads are answered with 431
    std::size_t max_body_bytes = 64U << 20U;  ///< larger request bodies are answered with 413

    // Script: JSON text of {"routes": [...]} or of a case with a member "mock". Empty: generated answers.
    std::string script;

    // What was received.
    std::string dump_path;      ///< one JSON line per request; empty: none
    bool keep_requests = true;  ///< keep them in memory for Server::received
};

/// Throws base::ConfigError naming the flag of the first value out of range.
void validate(const Options& options);

}  // namespace aiperf::mock
