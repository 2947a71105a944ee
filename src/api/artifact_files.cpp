#include "artifact_files.hpp"

#include "aiperf/base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace aiperf::api {

namespace {

constexpr std::size_t k_longest_part = 255;
constexpr std::size_t k_longest_path = 1024;
constexpr std::string_view k_phases_folder = "phases";
constexpr std::int64_t k_ns_per_s = 1'000'000'000;

struct Type {
    std::string_view ending;
    std::string_view type;
};

constexpr std::array<Type, 7> k_types{{{".json", "application/json"},
                                       {".jsonl", "application/x-ndjson"},
                                       {".csv", "text/csv; charset=utf-8"},
                                       {".parquet", "application/vnd.apache.parquet"},
                                       {".txt", "text/plain; charset=utf-8"},
                                       {".html", "text/html; charset=utf-8"},
                                       {".svg", "image/svg+xml"}}};

int digit_of(char c) noexcept {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char low = static_cast<char>(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool is_path_part(std::string_view part) noexcept {
    return !part.empty() && part.size() <= k_longest_part && part.front() != '.';
}

ListedFile described(std::string name, const struct stat& facts) {
    const std::int64_t modified_ns = facts.st_mtim.tv_sec * k_ns_per_s + facts.st_mtim.tv_nsec;
    std::string etag = "\"" + std::to_string(facts.st_ino) + "-" + std::to_string(facts.st_size) + "-" +
                       std::to_string(modified_ns) + "\"";
    return {std::move(name), static_cast<std::uint64_t>(facts.st_size), facts.st_mtim.tv_sec, std::move(etag)};
}

/// Appends the files of a folder whose names, below the artifact directory, begin with `prefix`.
void list_folder(const std::filesystem::path& folder, const std::string& prefix, std::vector<ListedFile>& files) {
    std::error_code error;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        const std::string part = it->path().filename().string();

        struct stat facts {};

        if (!is_artifact_path(prefix + part) || ::lstat(it->path().c_str(), &facts) != 0) {
            continue;
        }
        if (S_ISREG(facts.st_mode)) {
            files.push_back(described(prefix + part, facts));
        } else if (S_ISDIR(facts.st_mode) && (!prefix.empty() || part == k_phases_folder)) {
            list_folder(it->path(), prefix + part + "/", files);
        }
    }
}

}  // namespace

ArtifactFile::~ArtifactFile() {
    ::close(fd_);
}

std::string ArtifactFile::read(std::uint64_t offset, std::size_t count) const {
    std::string bytes(count, '\0');
    ssize_t got = 0;
    do {
        got = ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    } while (got < 0 && errno == EINTR);
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return bytes;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 1 < text.size() ? digit_of(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

bool is_artifact_path(std::string_view path) noexcept {
    if (path.empty() || path.size() > k_longest_path) {
        return false;
    }
    const bool plain = std::all_of(path.begin(), path.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f && c != '\\';
    });
    if (!plain) {
        return false;
    }
    while (true) {
        const std::size_t slash = path.find('/');
        if (!is_path_part(path.substr(0, slash))) {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        path.remove_prefix(slash + 1);
    }
}

std::shared_ptr<ArtifactFile> open_artifact(const std::filesystem::path& directory, std::string_view path) {
    int at = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const std::vector<std::string_view> parts = base::split(path, '/');
    for (std::size_t i = 0; i < parts.size() && at >= 0; ++i) {
        const bool last = i + 1 == parts.size();
        // O_NONBLOCK: opening a FIFO must not wait for its writer.
        const int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
        const int next = ::openat(at, std::string(parts[i]).c_str(), flags);
        ::close(at);
        at = next;
    }
    if (at < 0) {
        return nullptr;
    }

    struct stat facts {};

    if (::fstat(at, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        ::close(at);
        return nullptr;
    }
    return std::make_shared<ArtifactFile>(at, described(std::string(parts.back()), facts));
}

std::vector<ListedFile> list_artifacts(const std::filesystem::path& directory) {
    std::vector<ListedFile> files;
    list_folder(directory, {}, files);
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return files;
}

std::string_view content_type_of(std::string_view name) noexcept {
    for (const Type& type : k_types) {
        if (name.ends_with(type.ending)) {
            return type.type;
        }
    }
    return "application/octet-stream";
}

}  // namespace aiperf::api
