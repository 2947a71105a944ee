#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace aiperf::mock {

/// What a generated answer depends on in a request body.
struct BodyFacts {
    std::string model;  ///< empty: not given
    bool stream = false;
    bool include_usage = false;               ///< stream_options.include_usage
    std::optional<std::uint32_t> max_tokens;  ///< max_completion_tokens, else max_tokens
    std::size_t prompt_bytes = 0;             ///< UTF-8 bytes of all text in messages or prompt
};

/// Bytes that must be readable behind the body.
inline constexpr std::size_t k_body_padding = 64;

/// Reads facts out of JSON bodies, visiting only what is needed. Keeps its buffers between calls.
/// *Thread safety*: none; one per thread.
class BodyReader {
public:
    BodyReader();
    ~BodyReader();

    /// Fills `facts`; `body` must be followed by k_body_padding readable bytes. Returns an empty text, or why the
    /// body is refused, one sentence.
    std::string read(std::string_view body, BodyFacts& facts);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aiperf::mock
