#pragma once

#include "codings.hpp"
#include "content.hpp"
#include "ranges.hpp"

#include <memory>
#include <optional>
#include <string>

namespace aiperf::api {

/// A part of a content on its way to a client, compressed or not, piece by piece: its memory does not grow with it.
/// *Thread safety*: none.
class BodyStream {
public:
    struct Piece {
        std::string bytes;    ///< none: the coder keeps what it has; ask again
        bool last = false;    ///< no piece follows
        bool failed = false;  ///< the content has become shorter, and what was promised cannot be kept
    };

    BodyStream(std::shared_ptr<const Content> content,
               ByteRange part,
               http::Coding coding,
               const Compression& compression);

    /// Reads one piece, and compresses it: a turn of the event loop, of some milliseconds at most.
    [[nodiscard]] Piece next();

    /// Whether its turns are spent compressing.
    [[nodiscard]] bool is_coded() const noexcept { return coder_.has_value(); }

private:
    std::shared_ptr<const Content> content_;
    std::uint64_t at_;
    std::uint64_t end_;
    std::size_t piece_bytes_;
    std::optional<Coder> coder_;
};

}  // namespace aiperf::api
