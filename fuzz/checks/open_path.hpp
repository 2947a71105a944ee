#pragma once

#include "artifact_files.hpp"
#include "temporary_directory.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace aiperf::test {

/// An artifact directory with files, folders and links of all kinds, in which every file says whether it may be seen.
class GuardedDirectory {
public:
    static constexpr std::string_view k_inside = "inside";
    static constexpr std::string_view k_outside = "not to be seen";

    GuardedDirectory() {
        std::filesystem::create_directories(path() / "logs" / "old");
        std::filesystem::create_directories(outer_.path() / "door_target");
        for (const char* name : {"a.json", "b.csv", "%2e%2e", "a..b", "logs/run.log", "logs/old/x"}) {
            write(path() / name, k_inside);
        }
        for (const auto& hidden : {path() / ".hidden", outer_.path() / "secret", outer_.path() / "door_target" / "x"}) {
            write(hidden, k_outside);
        }
        std::filesystem::create_symlink("../secret", path() / "link");
        std::filesystem::create_symlink("a.json", path() / "alias.json");
        std::filesystem::create_directory_symlink("../door_target", path() / "door");
        std::filesystem::create_directory_symlink("..", path() / "logs" / "up");
    }

    [[nodiscard]] std::filesystem::path path() const { return outer_.path() / "artifacts"; }

    /// Opens a path as a client sends it. True where nothing was opened, or a file that may be seen.
    [[nodiscard]] bool keeps_inside(std::string_view encoded) const {
        const auto decoded = api::percent_decoded(encoded);
        if (!decoded || !api::is_artifact_path(*decoded)) {
            return true;
        }
        const auto file = api::open_artifact(path(), *decoded);
        return file == nullptr || (is_allowed(*file) && file->name().find('/') == std::string::npos);
    }

    [[nodiscard]] static bool is_allowed(const api::Content& file) {
        return file.read(0, 100) == k_inside && file.size() == k_inside.size();
    }

    [[nodiscard]] static bool shows_no_secret(const api::Content& content) {
        return content.read(0, static_cast<std::size_t>(content.size())).find(k_outside) == std::string::npos;
    }

private:
    static void write(const std::filesystem::path& path, std::string_view text) { std::ofstream(path) << text; }

    TemporaryDirectory outer_;
};

}  // namespace aiperf::test
