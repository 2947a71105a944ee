#pragma once

#include "aiperf/base/rng.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

namespace aiperf::base {

/// Characters of a UUID in text form.
inline constexpr std::size_t k_uuid_chars = 36;

/// Writes the eight lower-case hexadecimal digits of a number.
inline void write_hex(std::uint32_t number, char* out) noexcept {
    // A digit into each byte, all eight at once; the first one is to be the lowest byte, which is written first.
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t digits = number;
    digits = ((digits << 32U) | (digits >> 16U)) & 0x0000FFFF0000FFFFULL;
    digits = ((digits << 16U) | (digits >> 8U)) & 0x00FF00FF00FF00FFULL;
    digits = ((digits << 8U) | (digits >> 4U)) & 0x0F0F0F0F0F0F0F0FULL;
    const std::uint64_t letters = ((digits + 0x0606060606060606ULL) >> 4U) & 0x0101010101010101ULL;  // 1: above 9
    digits += 0x3030303030303030ULL + letters * ('a' - '0' - 10);
    std::memcpy(out, &digits, sizeof(digits));
}

/// Writes the text of a version-4 shaped UUID made from two words into out[0..36). No terminator.
inline void write_uuid(std::uint64_t high, std::uint64_t low, char* out) noexcept {
    high = (high & ~0xf000ULL) | 0x4000ULL;
    low = (low & ~(3ULL << 62U)) | (1ULL << 63U);
    char digits[32];
    write_hex(static_cast<std::uint32_t>(high >> 32U), digits);
    write_hex(static_cast<std::uint32_t>(high), digits + 8);
    write_hex(static_cast<std::uint32_t>(low >> 32U), digits + 16);
    write_hex(static_cast<std::uint32_t>(low), digits + 24);
    std::memcpy(out, digits, 8);
    out[8] = '-';
    std::memcpy(out + 9, digits + 8, 4);
    out[13] = '-';
    std::memcpy(out + 14, digits + 12, 4);
    out[18] = '-';
    std::memcpy(out + 19, digits + 16, 4);
    out[23] = '-';
    std::memcpy(out + 24, digits + 20, 12);
}

/// Ids that are pure functions of (run id, kind, number): they are sent on the wire and written into artifacts
/// without being stored in the records.
class IdSource {
public:
    /// Ids of the run with this key.
    explicit IdSource(std::uint64_t run_key) noexcept
        : run_key_(run_key) {}

    /// X-Request-ID of the request in slot `slot`.
    void request_id(std::uint64_t slot, char* out) const noexcept { write(0x7265717565737400ULL, slot, out); }

    /// X-Correlation-ID of session `session`.
    void correlation_id(std::uint64_t session, char* out) const noexcept { write(0x73657373696f6e00ULL, session, out); }

    /// The id of the request in a slot: 36 characters, a version 4 UUID in form.
    [[nodiscard]] std::string request_id(std::uint64_t slot) const {
        std::string text(k_uuid_chars, '\0');
        request_id(slot, text.data());
        return text;
    }

    /// The id of a session: 36 characters, a version 4 UUID in form.
    [[nodiscard]] std::string correlation_id(std::uint64_t session) const {
        std::string text(k_uuid_chars, '\0');
        correlation_id(session, text.data());
        return text;
    }

    /// What all ids follow from.
    [[nodiscard]] std::uint64_t run_key() const noexcept { return run_key_; }

private:
    void write(std::uint64_t kind, std::uint64_t number, char* out) const noexcept {
        const std::uint64_t a = mix64(run_key_ ^ kind);
        write_uuid(mix64(a + number), mix64(~a ^ (number * 0x9e3779b97f4a7c15ULL)), out);
    }

    std::uint64_t run_key_;
};

}  // namespace aiperf::base
