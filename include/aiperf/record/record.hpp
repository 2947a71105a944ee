#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace aiperf::record {

/// Life of a slot. A reader believes only `committed` slots; the others say how far a dead worker had come.
enum class State : std::uint16_t {
    free = 0,       ///< never claimed
    claimed = 1,    ///< an index was taken; nothing was sent (yet)
    sent = 2,       ///< the first byte has been written
    committed = 3,  ///< over: every field below is final (token counts are filled in later)
};

/// Why a request counts as an error. `none` = a good answer.
enum class ErrorKind : std::uint8_t {
    none = 0,
    http_status = 1,   ///< not 2xx: code = status, type = reason phrase, message = body
    no_content = 2,    ///< 2xx without any content: InvalidInferenceResultError
    cancelled = 3,     ///< code 499: RequestCancellationError
    timeout = 4,       ///< request timeout: TimeoutError
    connect = 5,       ///< no connection: ClientConnectorError
    reset = 6,         ///< connection broke before the head of the answer: ClientOSError
    disconnected = 7,  ///< closed in good order without an answer: ServerDisconnectedError
    payload = 8,       ///< the body broke off: ClientPayloadError
    sse_error = 9,     ///< an `event: error` in the stream: code 502, SSEResponseError
    protocol = 10,     ///< not HTTP, or over a limit
    lost = 11,         ///< in flight in a worker that died (set by recovery)
    tls = 12,          ///< no TLS: ClientConnectorCertificateError, ClientConnectorSSLError
    http2 = 13,        ///< a stream or connection of HTTP/2 was reset or broke: Http2Error
};

/// Bits of Record::flags.
namespace flag {
inline constexpr std::uint32_t streamed = 1U << 0U;  ///< the answer came as text/event-stream
inline constexpr std::uint32_t reused = 1U << 1U;    ///< on a connection that had served, or was opened ahead
inline constexpr std::uint32_t retried = 1U << 2U;   ///< sent anew: the pooled connection had been closed by the server
inline constexpr std::uint32_t done_seen = 1U << 3U;         ///< `[DONE]` arrived
inline constexpr std::uint32_t cancelled = 1U << 4U;         ///< ended by us
inline constexpr std::uint32_t usage_seen = 1U << 5U;        ///< a usage object arrived
inline constexpr std::uint32_t text_kept = 1U << 6U;         ///< output text is in the text file
inline constexpr std::uint32_t context_overflow = 1U << 7U;  ///< refused for its length
inline constexpr std::uint32_t tls_resumed = 1U << 8U;       ///< its connection took an earlier TLS session up again
inline constexpr std::uint32_t redirected = 1U << 9U;        ///< the answer is from where another one had sent it
inline constexpr std::uint32_t capped = 1U << 10U;           ///< was due while all concurrency slots were taken
inline constexpr std::uint32_t late_read = 1U << 11U;  ///< content lay unread in the kernel for over k_late_read_ns
}  // namespace flag

/// Read lag beyond which an answer's times say more about the client than about the server.
inline constexpr std::int64_t k_late_read_ns = 5'000'000;

/// "Not known" in the token and usage counts. Never 0, which is a count.
inline constexpr std::int32_t k_absent = -1;

/// One request: 192 bytes, little-endian, slot = claimed index. All `_ns` are CLOCK_MONOTONIC nanoseconds, 0 = did not
/// happen. docs/records.md explains each; record/fields.hpp lists them for NumPy.
struct alignas(64) Record {
    std::uint16_t state = 0;    ///< State; written last, with release order
    std::uint16_t worker = 0;   ///< number of the worker that served it
    std::uint8_t phase = 0;     ///< index into the journal header's phases
    std::uint8_t error = 0;     ///< ErrorKind
    std::uint16_t target = 0;   ///< index of the URL
    std::uint32_t session = 0;  ///< number of the session in its phase; single-turn: the request's index in its phase
    std::uint32_t conversation = 0;     ///< data-set entry
    std::int64_t planned_ns = 0;        ///< when the schedule wanted it sent; closed loop: when the slot became free
    std::int64_t acquired_ns = 0;       ///< when a concurrency slot and the index were held (credit issued)
    std::int64_t connect_start_ns = 0;  ///< 0 on a reused connection
    std::int64_t connect_end_ns = 0;    ///< TCP and TLS ready
    std::int64_t send_start_ns = 0;     ///< just before the first write: "start" in every metric
    std::int64_t send_end_ns = 0;       ///< after the last byte was handed to the kernel
    std::int64_t first_byte_ns = 0;     ///< first byte of the answer read
    std::int64_t headers_ns = 0;        ///< head of the answer complete ("ack")
    std::int64_t first_content_ns = 0;  ///< first event with content
    std::int64_t last_content_ns = 0;   ///< last event with content: "end" in every metric of a good answer
    std::int64_t end_ns = 0;            ///< answer over, or given up
    std::uint64_t events_offset = 0;    ///< first Event, as a byte offset into the worker's events file
    std::uint64_t text_offset =
        0;  ///< byte offset into the worker's text file: output, then reasoning, then error text
    std::uint32_t event_count = 0;                    ///< messages of its answer
    std::uint32_t output_bytes = 0;                   ///< bytes of output text kept
    std::uint32_t reasoning_bytes = 0;                ///< bytes of thinking text kept
    std::uint32_t error_bytes = 0;                    ///< error text: an error body, or a message
    std::uint32_t tls_ns = 0;                         ///< TLS handshake, saturating; the end of it is connect_end_ns
    std::uint16_t http_status = 0;                    ///< 0 = no answer
    std::uint16_t turn = 0;                           ///< of its session, from 0
    std::int32_t usage_prompt_tokens = k_absent;      ///< as the server counts
    std::int32_t usage_completion_tokens = k_absent;  ///< as the server counts
    std::int32_t usage_total_tokens = k_absent;       ///< as the server counts
    std::int32_t usage_reasoning_tokens = k_absent;   ///< as the server counts
    std::int32_t usage_cached_tokens = k_absent;      ///< as the server counts
    std::int32_t input_tokens = k_absent;             ///< counted by the client's tokenizer, of the text sent
    std::int32_t output_tokens = k_absent;            ///< visible output, counted after the request by the controller
    std::int32_t reasoning_tokens = k_absent;         ///< thinking text, counted like output_tokens
    std::int32_t requested_tokens = k_absent;         ///< output length asked for
    std::uint32_t request_bytes = 0;                  ///< head and body written
    std::uint32_t response_bytes = 0;                 ///< body bytes received (after chunked coding), saturating
    std::uint32_t flags = 0;                          ///< flag::*
};

static_assert(sizeof(Record) == 192);
static_assert(std::is_trivially_copyable_v<Record>);

/// What an Event carried.
enum class EventKind : std::uint8_t {
    other = 0,      ///< role, empty delta, `[DONE]`, comment-only, unreadable
    output = 1,     ///< output text
    reasoning = 2,  ///< reasoning text only
    mixed = 3,      ///< both
    usage = 4,      ///< usage, no text
    tool = 5,       ///< tool call text
};

/// Bits of Event::flags.
namespace event_flag {
inline constexpr std::uint8_t coalesced = 1U << 0U;  ///< came in one read with the event before it
inline constexpr std::uint8_t has_usage = 1U << 1U;  ///< carried a usage object
inline constexpr std::uint8_t lag_bound = 1U << 2U;  ///< lag_ns is an upper bound: its reader was asleep for so long
}  // namespace event_flag

/// One message of an answer (an SSE event; the whole body where it was not streamed). 16 bytes.
struct Event {
    std::int64_t at_ns = 0;             ///< CLOCK_MONOTONIC, when the read that completed it returned
    std::uint32_t lag_ns = 0;           ///< read lag (arrival in the kernel to read), saturating; 0 = not measured
    std::uint16_t text_bytes = 0;       ///< UTF-8 bytes of content, saturating
    EventKind kind = EventKind::other;  ///< what it carried
    std::uint8_t flags = 0;             ///< event_flag::*

    /// True where it carried text of any kind.
    [[nodiscard]] bool has_content() const noexcept {
        return kind == EventKind::output || kind == EventKind::reasoning || kind == EventKind::mixed ||
               kind == EventKind::tool;
    }
};

static_assert(sizeof(Event) == 16);

}  // namespace aiperf::record
