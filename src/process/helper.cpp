#include "aiperf/process/helper.hpp"

#include "aiperf/base/error.hpp"

#include <dlfcn.h>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace aiperf::process {

namespace {

bool is_program(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::vector<std::filesystem::path> places() {
    const std::filesystem::path folder = own_file().parent_path();
    const std::filesystem::path above = folder.parent_path();
    return {folder / k_helper_name,
            above / "bin" / k_helper_name,                                            // a C++ program beside bin
            above / "aiperf_cpp.scripts" / k_helper_name,                             // the module in a repaired wheel
            above / "libexec" / "aiperf" / k_helper_name,                             // an install tree
            above.parent_path() / "bin" / k_helper_name,                              // the module in a build tree
            above.parent_path().parent_path().parent_path() / "bin" / k_helper_name,  // PREFIX/lib/python/packages
            std::filesystem::path(AIPERF_LIBEXEC_DIRECTORY) / k_helper_name};
}

}  // namespace

std::filesystem::path own_file() {
    static const char k_inside = 0;
    Dl_info info{};
    std::error_code ignored;
    if (::dladdr(&k_inside, &info) != 0 && info.dli_fname != nullptr &&
        std::string_view(info.dli_fname).find('/') != std::string_view::npos) {
        const std::filesystem::path file = std::filesystem::canonical(info.dli_fname, ignored);
        if (!file.empty()) {
            return file;
        }
    }
    return std::filesystem::read_symlink("/proc/self/exe", ignored);
}

std::filesystem::path find_helper(const std::optional<std::string>& given) {
    if (given) {
        const std::filesystem::path path = given->empty() ? *given : std::filesystem::absolute(*given).string();
        if (!is_program(path)) {
            throw base::ConfigError("AIPERF_HELPER", *given, "the path of a program that can be executed is");
        }
        return path;
    }
    std::string tried;
    for (const std::filesystem::path& path : places()) {
        if (is_program(path)) {
            return path;
        }
        tried += (tried.empty() ? "" : ", ") + path.string();
    }
    throw base::ConfigError("--backend",
                            "process",
                            "it needs the program " + std::string(k_helper_name) + ", which is not at " + tried +
                                " (AIPERF_HELPER may name it)");
}

}  // namespace aiperf::process
