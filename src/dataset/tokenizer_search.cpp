#include "tokenizer_search.hpp"

#include "aiperf/base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

namespace aiperf::dataset {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view k_file_name = "tokenizer.json";
constexpr std::string_view k_advice =
    "give --tokenizer builtin, the path of a folder with a tokenizer.json, or use "
    "--use-server-token-count";

base::ConfigError refusal(const TokenizerSearch& search, const std::string& reason) {
    return {"--tokenizer", search.name, reason + "; " + std::string(k_advice)};
}

std::string join(const std::vector<std::string>& items) {
    std::string text;
    for (const std::string& item : items) {
        text += (text.empty() ? "" : ", ") + item;
    }
    return text;
}

bool file_exists(const fs::path& path) {
    std::error_code ignored;  // unreadable counts as absent; opening it says why
    return fs::is_regular_file(path, ignored);
}

bool folder_exists(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

/// "org/name" as the hub's folder name: models--org--name.
std::string hub_folder(std::string_view model) {
    std::string folder = "models";
    std::size_t begin = 0;
    while (begin <= model.size()) {
        const std::size_t end = std::min(model.find('/', begin), model.size());
        folder += "--";
        folder += model.substr(begin, end - begin);
        begin = end + 1;
    }
    return folder;
}

/// The commit that a revision stands for: what refs/<revision> says, else the revision itself.
std::string commit_of(const fs::path& model_folder, const std::string& revision) {
    std::ifstream file(model_folder / "refs" / revision);
    std::string commit;
    return file >> commit ? commit : revision;
}

/// Looks for a model in the caches; adds every place to `looked_at`.
std::optional<fs::path> find_in_caches(const TokenizerSearch& search, std::vector<std::string>& looked_at) {
    for (const fs::path& cache : search.hub_caches) {
        const fs::path folder = cache / hub_folder(search.name);
        if (!folder_exists(folder)) {
            looked_at.push_back(folder.string());
            continue;
        }
        fs::path file = folder / "snapshots" / commit_of(folder, search.revision) / k_file_name;
        if (file_exists(file)) {
            return file;
        }
        looked_at.push_back(file.string());
    }
    return std::nullopt;
}

}  // namespace

TokenizerPlace find_tokenizer(const TokenizerSearch& search) {
    if (search.name.empty()) {
        throw refusal(search, "it must name a tokenizer");
    }
    if (search.name == "builtin") {
        return {"o200k_base", {}};
    }
    if (search.name == "o200k_base" || search.name == "cl100k_base") {
        return {search.name, {}};
    }
    const fs::path path(search.name);
    if (folder_exists(path)) {
        if (!file_exists(path / k_file_name)) {
            throw refusal(search, "this folder holds no " + std::string(k_file_name));
        }
        return {{}, path / k_file_name};
    }
    if (file_exists(path)) {
        return {{}, path};
    }
    std::vector<std::string> looked_at{fs::absolute(path).string()};
    if (const auto file = find_in_caches(search, looked_at)) {
        return {{}, *file};
    }
    throw refusal(search, "no such tokenizer is on this machine, looked at " + join(looked_at));
}

std::string read_tokenizer_file(const TokenizerSearch& search, const fs::path& file) {
    std::error_code unknown;
    const std::uintmax_t size = fs::file_size(file, unknown);
    std::string bytes(unknown ? 0 : size, '\0');
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (unknown || !stream) {
        const std::string why = unknown ? unknown.message() : std::generic_category().message(errno);
        throw refusal(search, file.string() + " cannot be read: " + why);
    }
    return bytes;
}

std::vector<fs::path> default_hub_caches(const std::map<std::string, std::string>& environment) {
    struct Source {
        const char* variable;
        const char* below;
    };

    static constexpr std::array<Source, 5> k_sources{{{"HF_HUB_CACHE", ""},
                                                      {"HUGGINGFACE_HUB_CACHE", ""},
                                                      {"HF_HOME", "hub"},
                                                      {"XDG_CACHE_HOME", "huggingface/hub"},
                                                      {"HOME", ".cache/huggingface/hub"}}};
    std::vector<fs::path> caches;
    for (const Source& source : k_sources) {
        const auto found = environment.find(source.variable);
        if (found == environment.end() || found->second.empty()) {
            continue;
        }
        fs::path cache = found->second;
        if (found->second.starts_with("~/") && environment.contains("HOME")) {
            cache = environment.at("HOME") + found->second.substr(1);
        }
        if (*source.below != '\0') {
            cache /= source.below;
        }
        if (std::find(caches.begin(), caches.end(), cache) == caches.end()) {
            caches.push_back(std::move(cache));
        }
    }
    return caches;
}

bool is_placeholder_model(std::string_view name) {
    static constexpr std::array<std::string_view, 7> k_whole{
        "test", "mock", "fake", "dummy", "example", "sample", "placeholder"};
    static constexpr std::array<std::string_view, 9> k_parts{
        "mock-", "-mock", "fake-", "-fake", "test-model", "your-model", "my-model", "model-name", "model-id"};
    if (name.empty() || name.find_first_of("/\\") != std::string_view::npos || name[0] == '.' || name[0] == '~') {
        return false;
    }
    std::string plain(name);
    for (char& c : plain) {
        c = c == '_' ? '-' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    }
    const auto holds = [&plain](std::string_view part) { return plain.find(part) != std::string::npos; };
    return std::find(k_whole.begin(), k_whole.end(), plain) != k_whole.end() ||
           std::any_of(k_parts.begin(), k_parts.end(), holds);
}

}  // namespace aiperf::dataset
