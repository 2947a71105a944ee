#include "aiperf/process/helper.hpp"

#include "aiperf/base/error.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace aiperf;
using aiperf::test::TemporaryDirectory;
using process::find_helper;

namespace {

std::filesystem::path file_in(const TemporaryDirectory& directory, bool executable) {
    std::filesystem::path path = directory.path() / "helper";
    std::ofstream(path) << "#!/bin/false\n";
    std::filesystem::permissions(path,
                                 executable ? std::filesystem::perms::owner_all : std::filesystem::perms::owner_read);
    return path;
}

}  // namespace

TEST_CASE("the helper is found beside the programs of the build tree") {
    const std::filesystem::path found = find_helper(std::nullopt);
    CHECK(found.is_absolute());
    CHECK(found.filename() == process::k_helper_name);
    CHECK(found.parent_path() == std::filesystem::read_symlink("/proc/self/exe").parent_path());
    CHECK(::access(found.c_str(), X_OK) == 0);
}

TEST_CASE("a helper that is named is taken as it is, also by a relative path") {
    const TemporaryDirectory directory;
    const std::filesystem::path path = file_in(directory, true);
    CHECK(find_helper(path.string()) == path);
    CHECK(find_helper(std::filesystem::relative(path).string()).is_absolute());
    CHECK(find_helper("/bin/false") == "/bin/false");
}

TEST_CASE("a helper that cannot be executed is refused by the variable's name") {
    const TemporaryDirectory directory;
    const std::filesystem::path path = file_in(directory, false);
    for (const std::string& given :
         {path.string(), directory.path().string(), (directory.path() / "missing").string(), std::string()}) {
        CAPTURE(given);
        CHECK_THROWS_AS(find_helper(given), base::ConfigError);
        CHECK_THROWS_WITH(find_helper(given), Catch::StartsWith("AIPERF_HELPER: ") && Catch::Contains(given));
    }
}
