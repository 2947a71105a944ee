#pragma once

#include "aiperf/record/record.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace aiperf::load {

/// Chunks of a stream that hold one event each and differ in its text alone, as nearly all of a stream do: once one of
/// them was read, those that follow need no parser. *Thread safety*: none.
class EventRow {
public:
    /// No row is known.
    void clear() noexcept { before_.clear(); }

    /// A row of the kind of `body`, a chunk's. `text` is the text in it, between quotes: with any other plain text in
    /// its place it would be read the same.
    void begin(std::string_view body, std::string_view text, record::EventKind kind);

    /// Where `bytes` begin with a whole chunk of the row: its text, which is not empty. `size` is then the bytes up to
    /// the end of its body. Else empty: they are something else, or in pieces.
    [[nodiscard]] std::string_view next(std::string_view bytes, std::size_t& size) const noexcept;

    /// What the events of the row carry.
    [[nodiscard]] record::EventKind kind() const noexcept { return kind_; }

    /// Bytes of a chunk's body besides the text.
    [[nodiscard]] std::size_t frame_bytes() const noexcept { return before_.size() + after_.size(); }

private:
    std::string before_;  // bytes of the chunk's body before the text; empty: no row
    std::string after_;   // and behind it
    record::EventKind kind_ = record::EventKind::other;
};

}  // namespace aiperf::load
