#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::api {

/// An open regular file of the artifact directory.
class ArtifactFile {
public:
    ArtifactFile(int fd, std::string name, std::uint64_t size, std::string etag) noexcept
        : fd_(fd),
          size_(size),
          name_(std::move(name)),
          etag_(std::move(etag)) {}

    ~ArtifactFile();
    ArtifactFile(const ArtifactFile&) = delete;
    ArtifactFile& operator=(const ArtifactFile&) = delete;

    /// Last part of the path.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Bytes, when it was opened.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

    /// With its quotes; another one after each change.
    [[nodiscard]] const std::string& etag() const noexcept { return etag_; }

    /// Up to `count` bytes from `offset`; fewer at the end of the file; empty where it cannot be read.
    [[nodiscard]] std::string read(std::uint64_t offset, std::size_t count) const;

private:
    int fd_;
    std::uint64_t size_;
    std::string name_;
    std::string etag_;
};

/// "%41" is "A". Absent: a '%' without two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decoded(std::string_view text);

/// Whether a path, already decoded, may be looked for at all: relative, no empty, dot or hidden part, no control
/// character, no backslash, no part over 255 bytes, at most 1024 bytes.
[[nodiscard]] bool is_artifact_path(std::string_view path) noexcept;

/// Opens a file below `directory`. No symbolic link is followed, wherever it points. Null: there is no such regular
/// file. Precondition: is_artifact_path(path).
[[nodiscard]] std::shared_ptr<ArtifactFile> open_artifact(const std::filesystem::path& directory,
                                                          std::string_view path);

struct ListedFile {
    std::string name;
    std::uint64_t size = 0;
};

/// The regular files at the top of `directory`, sorted by name, hidden ones left out; empty where it cannot be read.
[[nodiscard]] std::vector<ListedFile> list_artifacts(const std::filesystem::path& directory);

/// By the ending of a file's name.
[[nodiscard]] std::string_view content_type_of(std::string_view name) noexcept;

}  // namespace aiperf::api
