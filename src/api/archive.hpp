#pragma once

#include "artifact_files.hpp"
#include "content.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::api {

/// All listed artifacts as one tar file (POSIX ustar, with pax records where a name or a size needs them), made while
/// it is read: nothing is written anywhere. The same files give the same bytes. *Thread safety*: none.
class Archive final : public Content {
public:
    /// Of the files list_artifacts() finds now. One that changes afterwards cannot be read.
    explicit Archive(const std::filesystem::path& directory);

    [[nodiscard]] std::uint64_t size() const noexcept override { return size_; }

    [[nodiscard]] std::string read(std::uint64_t offset, std::size_t count) const override;

    /// With its quotes; another one after each change of a file.
    [[nodiscard]] const std::string& etag() const noexcept { return etag_; }

    /// When the newest file was changed; absent: there is none.
    [[nodiscard]] std::optional<std::int64_t> modified_s() const noexcept { return modified_s_; }

private:
    struct Member {
        std::uint64_t begin = 0;  ///< of its headers, in the archive
        std::string head;         ///< its headers
        ListedFile file;
    };

    [[nodiscard]] std::string part(const Member& member, std::uint64_t offset, std::size_t count) const;
    [[nodiscard]] const ArtifactFile* opened(const Member& member) const;

    std::filesystem::path directory_;
    std::vector<Member> members_;
    std::uint64_t members_end_ = 0;
    std::uint64_t size_ = 0;
    std::string etag_;
    std::optional<std::int64_t> modified_s_;
    mutable std::shared_ptr<ArtifactFile> open_;  ///< the file last read
    mutable const Member* open_member_ = nullptr;
};

/// The headers of one file of a tar archive: blocks of 512 bytes.
[[nodiscard]] std::string tar_head(const std::string& name, std::uint64_t size, std::int64_t modified_s);

}  // namespace aiperf::api
