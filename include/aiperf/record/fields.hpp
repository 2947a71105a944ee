#pragma once

#include "aiperf/record/record.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace aiperf::record {

/// One field of a fixed-size struct, as NumPy and other readers of raw bytes need it.
struct Field {
    std::string_view name;   ///< in records.md and NumPy
    std::size_t offset = 0;  ///< bytes from the start of the struct
    std::size_t size = 0;    ///< bytes: 1, 2, 4 or 8
    bool is_signed = false;  ///< may be negative

    friend bool operator==(const Field&, const Field&) = default;
};

namespace detail {

template <typename T, bool = std::is_enum_v<T>>
/// The number a field of type T is stored as.
struct Number {
    using type = T;  ///< as stored
};

template <typename T>
/// An enumeration is stored as its underlying number.
struct Number<T, true> {
    using type = std::underlying_type_t<T>;  ///< as stored
};

template <typename Struct, typename T>
/// The row of one member.
constexpr Field field(T Struct::*, std::string_view name, std::size_t offset) {
    using Integer = typename Number<T>::type;
    static_assert(std::is_integral_v<Integer>);
    return {name, offset, sizeof(T), std::is_signed_v<Integer>};
}

/// True where the fields lie end to end, in order, and fill a struct of `size` bytes.
constexpr bool fills(std::span<const Field> fields, std::size_t size) {
    std::size_t end = 0;
    for (const Field& f : fields) {
        if (f.offset != end) {
            return false;
        }
        end += f.size;
    }
    return end == size;
}

}  // namespace detail

/// Every field of Record, in order of its bytes. All are little-endian.
inline constexpr std::array k_record_fields{
    detail::field(&Record::state, "state", offsetof(Record, state)),
    detail::field(&Record::worker, "worker", offsetof(Record, worker)),
    detail::field(&Record::phase, "phase", offsetof(Record, phase)),
    detail::field(&Record::error, "error", offsetof(Record, error)),
    detail::field(&Record::target, "target", offsetof(Record, target)),
    detail::field(&Record::session, "session", offsetof(Record, session)),
    detail::field(&Record::conversation, "conversation", offsetof(Record, conversation)),
    detail::field(&Record::planned_ns, "planned_ns", offsetof(Record, planned_ns)),
    detail::field(&Record::acquired_ns, "acquired_ns", offsetof(Record, acquired_ns)),
    detail::field(&Record::connect_start_ns, "connect_start_ns", offsetof(Record, connect_start_ns)),
    detail::field(&Record::connect_end_ns, "connect_end_ns", offsetof(Record, connect_end_ns)),
    detail::field(&Record::send_start_ns, "send_start_ns", offsetof(Record, send_start_ns)),
    detail::field(&Record::send_end_ns, "send_end_ns", offsetof(Record, send_end_ns)),
    detail::field(&Record::first_byte_ns, "first_byte_ns", offsetof(Record, first_byte_ns)),
    detail::field(&Record::headers_ns, "headers_ns", offsetof(Record, headers_ns)),
    detail::field(&Record::first_content_ns, "first_content_ns", offsetof(Record, first_content_ns)),
    detail::field(&Record::last_content_ns, "last_content_ns", offsetof(Record, last_content_ns)),
    detail::field(&Record::end_ns, "end_ns", offsetof(Record, end_ns)),
    detail::field(&Record::events_offset, "events_offset", offsetof(Record, events_offset)),
    detail::field(&Record::text_offset, "text_offset", offsetof(Record, text_offset)),
    detail::field(&Record::event_count, "event_count", offsetof(Record, event_count)),
    detail::field(&Record::output_bytes, "output_bytes", offsetof(Record, output_bytes)),
    detail::field(&Record::reasoning_bytes, "reasoning_bytes", offsetof(Record, reasoning_bytes)),
    detail::field(&Record::error_bytes, "error_bytes", offsetof(Record, error_bytes)),
    detail::field(&Record::tls_ns, "tls_ns", offsetof(Record, tls_ns)),
    detail::field(&Record::http_status, "http_status", offsetof(Record, http_status)),
    detail::field(&Record::turn, "turn", offsetof(Record, turn)),
    detail::field(&Record::usage_prompt_tokens, "usage_prompt_tokens", offsetof(Record, usage_prompt_tokens)),
    detail::field(
        &Record::usage_completion_tokens, "usage_completion_tokens", offsetof(Record, usage_completion_tokens)),
    detail::field(&Record::usage_total_tokens, "usage_total_tokens", offsetof(Record, usage_total_tokens)),
    detail::field(&Record::usage_reasoning_tokens, "usage_reasoning_tokens", offsetof(Record, usage_reasoning_tokens)),
    detail::field(&Record::usage_cached_tokens, "usage_cached_tokens", offsetof(Record, usage_cached_tokens)),
    detail::field(&Record::input_tokens, "input_tokens", offsetof(Record, input_tokens)),
    detail::field(&Record::output_tokens, "output_tokens", offsetof(Record, output_tokens)),
    detail::field(&Record::reasoning_tokens, "reasoning_tokens", offsetof(Record, reasoning_tokens)),
    detail::field(&Record::requested_tokens, "requested_tokens", offsetof(Record, requested_tokens)),
    detail::field(&Record::request_bytes, "request_bytes", offsetof(Record, request_bytes)),
    detail::field(&Record::response_bytes, "response_bytes", offsetof(Record, response_bytes)),
    detail::field(&Record::flags, "flags", offsetof(Record, flags)),
};

static_assert(detail::fills(k_record_fields, sizeof(Record)), "a field of Record is missing here");

/// Every field of Event, in order of its bytes.
inline constexpr std::array k_event_fields{
    detail::field(&Event::at_ns, "at_ns", offsetof(Event, at_ns)),
    detail::field(&Event::lag_ns, "lag_ns", offsetof(Event, lag_ns)),
    detail::field(&Event::text_bytes, "text_bytes", offsetof(Event, text_bytes)),
    detail::field(&Event::kind, "kind", offsetof(Event, kind)),
    detail::field(&Event::flags, "flags", offsetof(Event, flags)),
};

static_assert(detail::fills(k_event_fields, sizeof(Event)), "a field of Event is missing here");

/// Hash over two tables: differs with every name, place, size and sign in them. schema_hash() is that of the tables
/// above.
[[nodiscard]] std::uint64_t hash_of(std::span<const Field> record_fields, std::span<const Field> event_fields) noexcept;

}  // namespace aiperf::record
