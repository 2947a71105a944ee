#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace aiperf::api {

/// Bytes that can be read anywhere: a file, an archive, a text. *Thread safety*: none.
class Content {
public:
    Content() = default;
    virtual ~Content() = default;
    Content(const Content&) = delete;
    Content& operator=(const Content&) = delete;

    /// Bytes, when it was opened.
    [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;

    /// Up to `count` bytes from `offset`; fewer at the end, or where the rest cannot be read.
    [[nodiscard]] virtual std::string read(std::uint64_t offset, std::size_t count) const = 0;
};

/// A text in memory.
class TextContent final : public Content {
public:
    explicit TextContent(std::string text) noexcept
        : text_(std::move(text)) {}

    [[nodiscard]] std::uint64_t size() const noexcept override { return text_.size(); }

    [[nodiscard]] std::string read(std::uint64_t offset, std::size_t count) const override {
        return offset < text_.size() ? text_.substr(static_cast<std::size_t>(offset), count) : std::string();
    }

private:
    std::string text_;
};

}  // namespace aiperf::api
