#pragma once

#include "aiperf/endpoint/endpoint.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::endpoint {

/// A value whose like stands at the same place of other messages of its kind.
enum class HoleKind : std::uint8_t {
    ignored_text,    ///< inside of a string that is not read, as an id
    ignored_number,  ///< a whole number that is not read, as a time
    output,
    reasoning,
    reasoning_alias,  ///< counts where there is no other reasoning
    prompt_tokens,
    completion_tokens,
    total_tokens
};

/// Where such a value stands in a message.
struct Hole {
    HoleKind kind{};
    std::size_t at = 0;
    std::size_t size = 0;
};

/// True for a kind that is the inside of a string; the others are whole numbers.
[[nodiscard]] constexpr bool is_text(HoleKind kind) noexcept {
    return kind < HoleKind::prompt_tokens && kind != HoleKind::ignored_number;
}

/// True for a kind of which a message says one thing.
[[nodiscard]] constexpr bool is_read(HoleKind kind) noexcept {
    return kind != HoleKind::ignored_text && kind != HoleKind::ignored_number;
}

/// End of the value at `at` where it is plain: UTF-8 up to a quote, without backslash; a number of few digits.
/// nullptr: it is not, or does not end before `end`.
[[nodiscard]] const char* plain_value_end(HoleKind kind, const char* at, const char* end) noexcept;

/// What the messages of one kind have in common: all bytes but those in its holes. A message of the same bytes around
/// plain values is the same JSON with other values, and so needs no parser.
class MessageMold {
public:
    /// Takes the mold of a message that was read: its holes, in order, and what it said. A tool call has no hole.
    void take(std::string_view message, std::span<const Hole> holes, const Delta& delta);

    /// Reads a message of this mold. False = it is not one; `delta` then says nothing.
    [[nodiscard]] bool read(std::string_view message, Delta& delta);

    /// True where its messages have no line end.
    [[nodiscard]] bool is_one_line() const noexcept { return one_line_; }

private:
    struct Place {
        HoleKind kind{};
        std::size_t before = 0;  // bytes between the hole before it and this one
    };

    /// What of mold and message is still to be compared.
    struct Rest {
        std::string_view bytes;
        std::string_view message;

        bool pass_bytes(std::size_t size) noexcept;
        bool pass_value(HoleKind kind, std::string_view& value) noexcept;
    };

    static void put(HoleKind kind, std::string_view value, Delta& delta) noexcept;
    bool begin(Rest& rest);
    /// Bytes between the place before this one, or the message's beginning, and this one, or the message's end.
    [[nodiscard]] std::size_t bytes_before(std::size_t place) const noexcept;

    std::string bytes_;  // of the message, without its holes; empty: no mold yet
    std::vector<Place> places_;
    std::size_t tail_ = 0;         // bytes behind the last place
    std::size_t ignored_ = 0;      // places before the first one that is read
    std::string beginning_;        // of the last message: up to that one
    std::size_t begun_bytes_ = 0;  // of `bytes_` in it
    bool one_line_ = true;
    Usage usage_;
    bool has_usage_ = false;
};

/// Molds of the kinds of messages that streams consist of: the first, those with text, the last.
class MessageMolds {
public:
    /// Reads a message of one of the molds. False = it is of none; `delta` then says nothing.
    [[nodiscard]] bool read(std::string_view message, Delta& delta);

    /// Takes the mold of the message that read() did not know, in place of the oldest.
    void take(std::string_view message, std::span<const Hole> holes, const Delta& delta);

    /// True where the message that was read last has no line end.
    [[nodiscard]] bool is_one_line() const noexcept { return molds_[last_].is_one_line(); }

private:
    static constexpr std::size_t k_molds = 8;

    bool read_any(std::string_view message, Delta& delta);

    std::array<MessageMold, k_molds> molds_;
    std::array<std::size_t, k_molds> followers_{};  // by mold: the one that fitted after it
    std::size_t last_ = 0;                          // that fitted
    std::size_t next_ = 0;                          // to be taken
    std::size_t misses_ = 0;                        // since one fitted
    bool tried_ = true;                             // at the last message
};

}  // namespace aiperf::endpoint
