#include "run_log.hpp"

#include "aiperf/base/error.hpp"
#include "terminal.hpp"

#include <catch2/catch.hpp>
#include <spdlog/logger.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

using namespace aiperf;
using namespace aiperf::programs;

namespace {

/// A directory that is gone at the end.
struct Directory {
    std::filesystem::path path;

    Directory() {
        std::string name = (std::filesystem::temp_directory_path() / "aiperf-log-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }

    ~Directory() { std::filesystem::remove_all(path); }

    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
};

std::string read(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("the file holds what was logged before it was opened and after, by level") {
    const Directory directory;
    std::string shown;
    Terminal terminal([&](std::string_view text) { shown += text; });
    RunLog log(config::LogLevel::info, terminal);
    log.logger()->info("early");
    log.logger()->debug("too fine");
    const auto path = directory.path / "logs" / "aiperf.log";
    log.open_file(path);
    log.logger()->warn("late");
    const std::string text = read(path);
    REQUIRE(text.find("info early\n") < text.find("warning late\n"));
    REQUIRE(text.find("warning late\n") != std::string::npos);
    REQUIRE(text.find("too fine") == std::string::npos);
    REQUIRE(shown.find("info early\n") != std::string::npos);
    REQUIRE(shown.find("warning late\n") != std::string::npos);
}

TEST_CASE("a log file that cannot be written is an error that names it") {
    const Directory directory;
    std::ofstream(directory.path / "logs") << "a file where a directory should be";
    Terminal terminal([](std::string_view) {});
    RunLog log(config::LogLevel::info, terminal);
    REQUIRE_THROWS_WITH(log.open_file(directory.path / "logs" / "aiperf.log"),
                        Catch::Contains((directory.path / "logs").string()));
}
