#pragma once

#include "aiperf/base/rng.hpp"

#include <cstdint>
#include <cstring>
#include <string>

namespace aiperf::base {

/// Characters of a UUID in text form.
inline constexpr std::size_t k_uuid_chars = 36;

/// Writes the text of a version-4 shaped UUID made from two words into out[0..36). No terminator.
inline void write_uuid(std::uint64_t high, std::uint64_t low, char* out) noexcept {
    constexpr char k_hex[] = "0123456789abcdef";
    high = (high & ~0xf000ULL) | 0x4000ULL;
    low = (low & ~(3ULL << 62U)) | (1ULL << 63U);
    std::size_t at = 0;
    for (int i = 0; i < 32; ++i) {
        const std::uint64_t word = i < 16 ? high : low;
        const auto shift = static_cast<unsigned>(60 - 4 * (i % 16));
        if (i == 8 || i == 12 || i == 16 || i == 20) {
            out[at++] = '-';
        }
        out[at++] = k_hex[(word >> shift) & 0xfU];
    }
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
