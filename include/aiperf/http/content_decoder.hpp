#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace aiperf::http {

/// How the bytes of a body are coded (Content-Encoding).
enum class Coding : std::uint8_t { none, gzip, deflate, zstd };

/// The coding a header names; `known` = false for one that is not read here.
[[nodiscard]] Coding coding_of(std::string_view name, bool& known) noexcept;

/// The word for it in Content-Encoding.
[[nodiscard]] std::string_view to_string(Coding coding) noexcept;

/// Decodes a body as it comes, cut anywhere. A body that is larger than k_limit when decoded counts as damaged.
/// *Thread safety*: none.
class ContentDecoder {
public:
    /// Most bytes one body may become.
    static constexpr std::uint64_t k_limit = 256UL << 20U;

    /// Ready for the first byte of a body coded so.
    explicit ContentDecoder(Coding coding);
    ~ContentDecoder();
    ContentDecoder(const ContentDecoder&) = delete;
    ContentDecoder& operator=(const ContentDecoder&) = delete;

    /// Coded bytes for the next calls of next(); they must stay until it returns an empty piece.
    void give(const char* data, std::size_t size) noexcept;

    /// A decoded piece of what was given, which may be changed and has SseParser::k_padding readable bytes behind it;
    /// `size` 0 = all of it has been decoded, or failed().
    char* next(std::size_t& size);

    /// The bytes are not of this coding, or the body is too large.
    [[nodiscard]] bool failed() const noexcept { return failed_; }

    /// The coding's own end was seen.
    [[nodiscard]] bool complete() const noexcept { return complete_; }

    /// What it decodes.
    [[nodiscard]] Coding coding() const noexcept { return coding_; }

private:
    struct Library;

    std::size_t inflate_piece();
    std::size_t decompress_piece();

    Coding coding_;
    std::unique_ptr<Library> library_;
    std::uint64_t decoded_ = 0;
    bool begun_ = false;
    bool failed_ = false;
    bool complete_ = false;
};

}  // namespace aiperf::http
