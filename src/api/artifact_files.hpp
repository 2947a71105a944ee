#pragma once

#include "content.hpp"

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

/// A regular file as it was at one moment.
struct ListedFile {
    std::string name;  ///< path below the artifact directory
    std::uint64_t size = 0;
    std::int64_t modified_s = 0;  ///< Unix epoch
    std::string etag;             ///< with its quotes; another one after each change
};

/// An open regular file of the artifact directory.
class ArtifactFile final : public Content {
public:
    ArtifactFile(int fd, ListedFile facts) noexcept
        : fd_(fd),
          facts_(std::move(facts)) {}

    ~ArtifactFile() override;

    /// Last part of the path.
    [[nodiscard]] const std::string& name() const noexcept { return facts_.name; }

    [[nodiscard]] std::uint64_t size() const noexcept override { return facts_.size; }

    /// With its quotes; another one after each change.
    [[nodiscard]] const std::string& etag() const noexcept { return facts_.etag; }

    /// When it was last changed, seconds since the Unix epoch.
    [[nodiscard]] std::int64_t modified_s() const noexcept { return facts_.modified_s; }

    [[nodiscard]] std::string read(std::uint64_t offset, std::size_t count) const override;

private:
    int fd_;
    ListedFile facts_;
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

/// The regular files at the top of `directory`, and those of its phases at any depth below "phases", sorted by
/// name. Hidden ones and symbolic links are left out; empty where it cannot be read.
[[nodiscard]] std::vector<ListedFile> list_artifacts(const std::filesystem::path& directory);

/// By the ending of a file's name.
[[nodiscard]] std::string_view content_type_of(std::string_view name) noexcept;

}  // namespace aiperf::api
