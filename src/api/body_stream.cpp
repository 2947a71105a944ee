#include "body_stream.hpp"

#include <algorithm>
#include <utility>

namespace aiperf::api {

namespace {

constexpr std::size_t k_plain_piece_bytes = 64 * 1024;

}  // namespace

BodyStream::BodyStream(std::shared_ptr<const Content> content,
                       ByteRange part,
                       http::Coding coding,
                       const Compression& compression)
    : content_(std::move(content)),
      at_(part.first),
      end_(part.first + part.count),
      piece_bytes_(k_plain_piece_bytes) {
    if (coding != http::Coding::none) {
        piece_bytes_ = compression.chunk_bytes;
        coder_.emplace(coding, compression);
    }
}

BodyStream::Piece BodyStream::next() {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(end_ - at_, piece_bytes_));
    Piece piece;
    piece.bytes = content_->read(at_, wanted);
    piece.failed = piece.bytes.size() < wanted;
    at_ += wanted;
    piece.last = at_ == end_;
    if (coder_ && !piece.failed) {
        piece.bytes = coder_->code(piece.bytes, piece.last);
    }
    return piece;
}

}  // namespace aiperf::api
