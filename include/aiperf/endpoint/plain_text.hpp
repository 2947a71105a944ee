#pragma once

namespace aiperf::endpoint {

/// The quote that ends the inside of a JSON string at `at` where that is plain, so says what it is: UTF-8 without
/// backslash or control character. nullptr: it is not plain, or does not end before `end`.
[[nodiscard]] const char* plain_text_end(const char* at, const char* end) noexcept;

}  // namespace aiperf::endpoint
