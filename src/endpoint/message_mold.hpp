#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace aiperf::endpoint {

/// What the messages of one stream have in common: all but the text. A message of the same bytes before and after a
/// text that needs no unescaping is the same JSON with another text, and so needs no parser.
class MessageMold {
public:
    /// Takes the mold of a message whose text stands unescaped at `text`, a part of it. Precondition: quotes around it.
    void take(std::string_view message, std::string_view text);

    /// The text of a message of this mold; absent where it is not one, or its text is not plain: printable ASCII
    /// without quote and backslash.
    [[nodiscard]] std::optional<std::string_view> text_of(std::string_view message) const noexcept;

private:
    std::string before_;  // empty: no mold yet
    std::string behind_;
};

/// Molds of the streams that a worker reads at a time, found by the first bytes of a message, which have its id.
class MessageMolds {
public:
    /// Where the mold of such a message is, or goes.
    [[nodiscard]] MessageMold& of(std::string_view message) noexcept;

private:
    static constexpr std::size_t k_molds = 256;

    std::array<MessageMold, k_molds> molds_;
};

}  // namespace aiperf::endpoint
